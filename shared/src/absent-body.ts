import { errorCodes, type FastifySchemaCompiler } from 'fastify'
import type { ApiServer } from './http-api.ts'

/**
 * Lets requests to a server come without a body, whatever they say of its type: `curl -X POST` says nothing, and `curl -d ''`
 * speaks of a form. Bodies that are not JSON are refused as before.
 */
export function acceptAbsentBodies(server: ApiServer): void {
  const parseJson = server.getDefaultJsonParser('error', 'error')
  server.removeContentTypeParser('text/plain')
  server.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body: string, done) => {
    if (body === '') done(null)
    else void parseJson(request, body, done)
  })
  server.addContentTypeParser('*', { parseAs: 'buffer' }, (request, body: Buffer, done) => {
    done(body.length === 0 ? null : new errorCodes.FST_ERR_CTP_INVALID_MEDIA_TYPE(request.headers['content-type']))
  })
}

/** A schema that has a default for the whole body only knows one that is `undefined`, and fastify shows it `null`. */
export function absentAsUndefined<Schema>(compile: FastifySchemaCompiler<Schema>): FastifySchemaCompiler<Schema> {
  return (route) => {
    const validate = compile(route)
    return route.httpPart === 'body' ? (body: unknown) => validate(body ?? undefined) : validate
  }
}

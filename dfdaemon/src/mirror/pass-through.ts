import type { FastifyReply, FastifyRequest } from 'fastify'
import { hasBody } from '../http/has-body.ts'
import { whileConnected } from '../http/while-connected.ts'
import { linksThroughMirror } from './registry-links.ts'
import type { RegistryRequest } from './registry-request.ts'
import type { Upstream, UpstreamAnswer } from './upstream.ts'

/**
 * Lets the registry answer, whatever it is asked; bodies go both ways untouched.
 *
 * @param endpoint the registry's own address
 * @throws DamselflyError ORIGIN_UNREACHABLE
 */
export async function passThrough(
  upstream: Upstream,
  asked: RegistryRequest,
  endpoint: string,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<UpstreamAnswer> {
  const answer = await upstream.send({
    method: request.method,
    registry: asked.registry,
    repository: repositoryOf(asked),
    path: asked.path,
    headers: request.headers,
    body: hasBody(request) ? request.raw : undefined,
    signal: whileConnected(reply.raw),
  })
  await reply.code(answer.status).headers(linksThroughMirror(answer.headers, asked, endpoint)).send(answer.body)
  return answer
}

/** @returns undefined where a request concerns none, or several */
export function repositoryOf({ target, path }: RegistryRequest): string | undefined {
  if ('repository' in target) return target.repository
  return /^\/v2\/(?<repository>.+)\/(?:manifests|blobs|tags|referrers)\//.exec(path)?.groups?.['repository']
}

import { DamselflyError } from '@damselfly/shared'
import type { ApiServer } from '@damselfly/shared/http-api'
import type { FastifyReply, FastifyRequest, RouteOptions } from 'fastify'
import type { Authenticator } from '../access/authenticator.ts'
import { TooManyFailures } from '../access/failure-throttle.ts'
import { isAllowed, type Caller, type Requirement } from '../access/roles.ts'
import { certificateOf } from './shown-certificate.ts'
import { ROUTE_ACCESS } from './route-access.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Undefined: there is no such route. */
    requirement?: Requirement
  }
  interface FastifyRequest {
    /** Undefined where the route is open to everybody, and before the caller is known. */
    caller: Caller | undefined
  }
}

/**
 * Lets through only who may use a route. To be put on the server before its routes.
 *
 * @param refused called before somebody is told that its credentials are not taken; what it throws is told instead
 * @returns what is to be called when all routes are there. @throws Error when the declarations and the routes differ
 */
export function guard(
  app: ApiServer,
  authenticator: Authenticator,
  refused: (request: FastifyRequest, reply: FastifyReply) => Promise<void>,
  access: Readonly<Record<string, Requirement>> = ROUTE_ACCESS,
): () => void {
  const unused = new Set(Object.keys(access))
  app.decorateRequest('caller')
  app.addHook('onRoute', (route) => {
    for (const method of [route.method].flat()) {
      // Fastify answers HEAD wherever GET is answered.
      const name = `${method === 'HEAD' ? 'GET' : method} ${route.url}`
      const requirement = access[name]
      if (requirement === undefined) throw new Error(`nobody has declared who may use ${name}`)
      unused.delete(name)
      declare(route, requirement)
    }
  })
  // Before every route, and before the answer to unknown ones.
  app.addHook('onRequest', async (request, reply) => {
    const { requirement } = request.routeOptions.config
    if (requirement === 'open') return
    try {
      request.caller = await identify(authenticator, request, reply)
    } catch (error) {
      await refused(request, reply)
      throw error
    }
    if (requirement !== undefined) refuseUnlessAllowed(request.caller, requirement, request)
  })
  return () => {
    if (unused.size > 0) throw new Error(`there is no route ${[...unused].join(', ')}`)
  }
}

/** @throws DamselflyError UNAUTHORIZED, TOO_MANY_FAILURES */
async function identify(authenticator: Authenticator, request: FastifyRequest, reply: FastifyReply): Promise<Caller> {
  const { headers: { authorization }, clientAddress: address } = request
  try {
    return await authenticator.authenticate({ authorization, certificate: certificateOf(request), address })
  } catch (error) {
    if (error instanceof TooManyFailures) reply.header('retry-after', error.retryAfter)
    throw error
  }
}

/** For the guard itself, and for the readers of the description. */
function declare(route: RouteOptions, requirement: Requirement): void {
  route.config = { ...route.config, requirement }
  route.schema = { ...route.schema, security: requirement === 'open' ? [] : [{ token: namesOf(requirement) }] }
}

function namesOf(requirement: Exclude<Requirement, 'open'>): string[] {
  if (requirement === 'anybody') return []
  const { role, scope } = requirement
  return scope === undefined ? [role] : [role, `scope:${scope}`]
}

/** @throws DamselflyError FORBIDDEN */
function refuseUnlessAllowed(caller: Caller, requirement: Requirement, { method, routeOptions }: FastifyRequest): void {
  if (isAllowed(caller, requirement) || typeof requirement === 'string') return
  const { role, scope } = requirement
  const wanted = `the role ${role}${scope === undefined ? '' : ` and the scope ${scope}`}`
  const has = `${caller.name} has the role ${caller.role}${caller.scopes === undefined ? '' : ` and the scopes ${caller.scopes.join(', ')}`}`
  throw new DamselflyError('FORBIDDEN', `${method} ${routeOptions.url ?? ''} wants ${wanted}; ${has}`)
}

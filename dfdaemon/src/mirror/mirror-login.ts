import type { IncomingHttpHeaders } from 'node:http'
import type { FastifyReply } from 'fastify'
import { registryRefusal } from './registry-error.ts'
import type { RegistryRequest } from './registry-request.ts'

const CHALLENGE = 'Basic realm="damselfly"'

/** What podman and its kin send who have nothing to say. */
const NO_LOGIN = /^basic +Og==$/i

/** Docker has one mirror for one registry, and asks that one how it wants to be convinced. */
const DOCKER = /^docker\//

/** Without a login that is none. */
export function honestLogin(headers: IncomingHttpHeaders): string | undefined {
  const { authorization } = headers
  return authorization !== undefined && NO_LOGIN.test(authorization) ? undefined : authorization
}

/**
 * Whether a client asks how to log in before it says which registry it wants. podman, CRI-O and skopeo do, once for all registries
 * that they have here, and then use no other way: so the mirror takes names and passwords, and logs in with them as each registry wants.
 */
export function asksHowToLogIn({ namedBy, path }: RegistryRequest, headers: IncomingHttpHeaders): boolean {
  return namedBy === 'usual' && /^\/v2\/?$/.test(path) && !DOCKER.test(headers['user-agent'] ?? '')
}

export async function sayHowToLogIn(reply: FastifyReply, isLoggedIn: boolean): Promise<void> {
  void reply.header('docker-distribution-api-version', 'registry/2.0')
  if (isLoggedIn) return void (await reply.send({}))
  const { status, body } = registryRefusal(401, 'names and passwords of all registries are taken, and none where a registry wants none', 'UNAUTHORIZED')
  await reply.code(status).header('www-authenticate', CHALLENGE).send(body)
}

import type { SourcesInit } from '../create-sources.ts'
import { createHttpSource } from '../http/http-source.ts'
import type { SourceClient } from '../source-client.ts'
import { RegistryAccess } from './registry-access.ts'

/**
 * @param http the client of web servers, made of `init.http`
 * @throws DamselflyError CONFIG_INVALID when a certificate cannot be read
 */
export function createRegistryAccess(
  { http: httpInit, registries, dockerConfig, clock }: Pick<SourcesInit, 'http' | 'registries' | 'dockerConfig' | 'clock'>,
  http: SourceClient,
): RegistryAccess {
  const { policy } = httpInit
  const checkedHttp = policy.trustRequestedHost === true ? createHttpSource({ ...httpInit, policy: { allow: policy.allow }, clock }) : http
  return new RegistryAccess({ http, checkedHttp, httpInit, registries, dockerConfig, clock })
}

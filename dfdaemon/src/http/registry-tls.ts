import { getCACertificates } from 'node:tls'
import type { RegistryAccess } from '@damselfly/cdn'
import type { buildConnector } from 'undici'

/** What TLS to a registry needs besides the usual. */
export type RegistryTls = NonNullable<ReturnType<RegistryAccess['tls']>>

/** @param tls undefined: the usual will do */
export function tlsOptions(tls: RegistryTls | undefined): buildConnector.BuildOptions {
  const { ca, identity, insecure = false } = tls ?? {}
  return { ...(ca === undefined ? {} : { ca: [...getCACertificates('default'), ca] }), ...identity, rejectUnauthorized: !insecure }
}

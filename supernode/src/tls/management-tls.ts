import { isLoopback } from '@damselfly/exchange'
import type { Clock } from '@damselfly/shared'
import type { Logger } from '@damselfly/shared/logging'
import type { ManagementTlsSettings } from '../config/management-config.ts'
import { loadAuthority, type ManagementAuthority } from './authority-file.ts'
import { CurrentKeys } from './current-keys.ts'
import { GeneratedKeys } from './generated-keys.ts'
import { OwnKeys } from './own-keys.ts'

/** How the management API speaks TLS. */
export interface ManagementTls {
  readonly keys: CurrentKeys
  /** Whether a connection without a client certificate is refused. */
  readonly requiresClients: boolean
  /** Undefined where the certificate is somebody else's. */
  readonly authority: ManagementAuthority | undefined
}

export interface ManagementTlsInit {
  readonly settings: ManagementTlsSettings
  /** That the API listens on. */
  readonly addresses: readonly string[]
  /** Under which others reach this machine. */
  readonly names: readonly string[]
  readonly dataDir: string
  readonly clock: Clock
  readonly logger: Logger
}

/** @returns undefined where plain HTTP is spoken. @throws DamselflyError CONFIG_INVALID, DISK_DENIED, DISK_FULL, DISK_FAILED */
export async function startManagementTls({ settings, addresses, names, dataDir, clock, logger }: ManagementTlsInit): Promise<ManagementTls | undefined> {
  const isReachable = !addresses.every(isLoopback)
  if (!speaksTls(settings, isReachable)) {
    if (isReachable) logger.warn({ addresses }, 'the management API speaks plain HTTP beyond this machine: tokens can be read on their way (management.tls.mode is off)')
    return undefined
  }
  const { certificate, key, clientCa, clients } = settings
  const isOwn = certificate !== undefined && key !== undefined
  const authority = isOwn ? undefined : await loadAuthority(dataDir, clock)
  const source =
    authority === undefined
      ? new OwnKeys({ certificate: certificate ?? '', key: key ?? '', clientCa })
      : new GeneratedKeys({ authority, names: [...names, ...settings.names], clientCa, clock })
  const keys = new CurrentKeys({ source, clock, logger })
  await keys.start()
  return { keys, requiresClients: clientCa !== undefined && clients === 'required', authority }
}

/** By itself wherever somebody else could read tokens on their way, or where somebody took the trouble of a certificate. */
function speaksTls({ mode, certificate, clientCa }: ManagementTlsSettings, isReachable: boolean): boolean {
  return mode === 'on' || (mode === 'auto' && (isReachable || certificate !== undefined || clientCa !== undefined))
}

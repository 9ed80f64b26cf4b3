import { DamselflyError } from '@damselfly/shared'
import type { DaemonConfig } from '../config/config.ts'

/** Any address of this machine is reached by loopback too. */
const LOOPBACK: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' }

/** Where container tools of this machine find the mirror. @throws DamselflyError CONFIG_INVALID */
export function mirrorAddress({ enabled, address, port }: Pick<DaemonConfig['mirror'], 'enabled' | 'address' | 'port'>): string {
  if (!enabled) throw new DamselflyError('CONFIG_INVALID', 'mirror.enabled: the mirror is switched off')
  if (port === 0) throw new DamselflyError('CONFIG_INVALID', 'mirror.port: 0 is another port at each start, so that no tool can be pointed at it')
  const host = LOOPBACK[address] ?? address
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`
}

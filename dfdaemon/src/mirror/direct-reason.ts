import type { BackToSourceReason } from '@damselfly/exchange'
import type { DamselflyError } from '@damselfly/shared'

/** Why bytes came from the registry past the peer: it brought nothing for too long, failed, or its disk did. */
export type DirectReason = 'swarm-stalled' | 'swarm-failed' | 'disk-failed'

/** Why the registry was asked for a content, by the peer or by the mirror. */
export type RegistryReason = BackToSourceReason | DirectReason

export function directReason({ code }: DamselflyError): DirectReason {
  if (code === 'TIMEOUT') return 'swarm-stalled'
  return code.startsWith('DISK_') ? 'disk-failed' : 'swarm-failed'
}

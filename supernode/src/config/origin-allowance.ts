import type { SupernodeConfig } from './config.ts'
import { isLoopbackOnly } from '@damselfly/exchange'

const EVERY_NETWORK = ['0.0.0.0/0', '::/0']

/** Which origins may be at private addresses: peers elsewhere must not reach into this machine's network through it. */
export function allowedOrigins({ origins, listen }: Pick<SupernodeConfig, 'origins' | 'listen'>): readonly string[] {
  const isPrivateAllowed = origins.private === 'allow' || (origins.private === 'auto' && isLoopbackOnly(listen.addresses))
  return isPrivateAllowed ? [...origins.allow, ...EVERY_NETWORK] : origins.allow
}

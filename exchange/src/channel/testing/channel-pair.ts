import { systemClock, type Clock, type PeerId } from '@damselfly/shared'
import { createIdentity } from '../../identity/private-key.ts'
import type { Channel, ChannelKind, Protocol } from '../channel.ts'
import { FramedChannel } from '../framed-channel.ts'
import { memoryLinkPair } from './memory-link.ts'

export interface ChannelPairOptions {
  /** @default '/damselfly/piece/1' */
  readonly protocol?: Protocol
  /** What the two channels say they are. @default 'direct' */
  readonly kind?: ChannelKind
  /** Who holds the first and who the second channel. @default two new identities */
  readonly peers?: readonly [PeerId, PeerId]
  /** What may be under way in one direction; bytes. @default 256 KiB */
  readonly capacity?: number
  /** How long bytes are under way; milliseconds. @default 0 */
  readonly delayMs?: number
  /** The most that arrives at once; bytes. @default 16 KiB */
  readonly portion?: number
  /** @default systemClock */
  readonly clock?: Clock
}

/** Two channels in memory that are connected to each other; for tests. */
export function channelPair(options: ChannelPairOptions = {}): readonly [Channel, Channel] {
  const clock = options.clock ?? systemClock
  const [first, second] = options.peers ?? [createIdentity().peerId, createIdentity().peerId]
  const links = memoryLinkPair({
    capacity: options.capacity ?? 256 * 1024,
    delayMs: options.delayMs ?? 0,
    portion: options.portion ?? 16 * 1024,
    clock,
  })
  const shared = { kind: options.kind ?? 'direct', protocol: options.protocol ?? '/damselfly/piece/1', clock } as const
  return [
    new FramedChannel({ ...shared, link: links[0], remotePeer: second, remoteAddress: 'memory:2' }),
    new FramedChannel({ ...shared, link: links[1], remotePeer: first, remoteAddress: 'memory:1' }),
  ]
}

import type { PeerId } from '@damselfly/shared'
import type { ByteLink } from '../../src/channel/byte-link.ts'
import type { Channel, Protocol } from '../../src/channel/channel.ts'
import type { ChannelHarness } from '../../src/channel/testing/channel-compliance.ts'
import type { Endpoint, Transport } from '../../src/channel/transport.ts'

export interface TransportHarnessInit {
  readonly dialing: Transport
  readonly listening: Transport
  readonly dialer: PeerId
  readonly listener: PeerId
  readonly protocols: readonly Protocol[]
  /** A link behind a proper handshake, and how to end it. */
  readonly dialRaw: (endpoint: Endpoint, protocol: Protocol) => Promise<ByteLink>
  readonly stop?: () => Promise<void>
}

/** Two transports on loopback; each accepted channel goes to the dial that it belongs to. */
export async function startTransportHarness(init: TransportHarnessInit): Promise<ChannelHarness> {
  const accepted: Channel[] = []
  const waiters: ((channel: Channel) => void)[] = []
  const [endpoint] = await init.listening.listen([{ host: '127.0.0.1', port: 0 }], (channel) => {
    const waiter = waiters.shift()
    if (waiter === undefined) accepted.push(channel)
    else waiter(channel)
  })
  if (endpoint === undefined) throw new Error('nothing was bound')
  const nextAccepted = (): Promise<Channel> => {
    const channel = accepted.shift()
    return channel === undefined ? new Promise((resolve) => waiters.push(resolve)) : Promise.resolve(channel)
  }
  // One at a time, so that both ends of a pair are known to belong together.
  let turn: Promise<unknown> = Promise.resolve()
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const result = turn.then(work)
    turn = result.catch(() => undefined)
    return result
  }
  return {
    kind: init.dialing.kind,
    protocols: init.protocols,
    dialer: init.dialer,
    listener: init.listener,
    connect: (protocol) =>
      inTurn(async () => {
        const target = { endpoint, peer: init.listener }
        const near = await init.dialing.dial(target, protocol, new AbortController().signal)
        return [near, await nextAccepted()] as const
      }),
    connectRaw: (protocol) =>
      inTurn(async () => [await init.dialRaw(endpoint, protocol), await nextAccepted()] as const),
    stop: async () => {
      await Promise.all([init.dialing.stop(), init.listening.stop(), init.stop?.()])
    },
  }
}

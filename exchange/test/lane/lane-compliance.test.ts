import { createDirectTransport, type SocketTransportInit } from '../../src/channel/direct-transport.ts'
import { createLibp2pTransport } from '../../src/channel/libp2p-transport.ts'
import { createPlainTransport } from '../../src/channel/plain-transport.ts'
import type { Channel } from '../../src/channel/channel.ts'
import type { Transport } from '../../src/channel/transport.ts'
import { describeLane, type LaneKind } from './lane-compliance.ts'
import { connectInMemory, never } from './lane-harness.ts'

describeLane('memory', async () => ({ connect: connectInMemory, stop: async () => undefined }))
describeLane('direct channels', async () => kindOf(createDirectTransport))
describeLane('plain channels', async () => kindOf(createPlainTransport))
describeLane('libp2p channels', async () => kindOf(createLibp2pTransport))

/** Every pair has transports of its own, as on two hosts. */
function kindOf(create: (init: SocketTransportInit) => Transport): LaneKind {
  const transports: Transport[] = []
  return {
    connect: async (child, parent) => {
      const [dialing, listening] = [create({ identity: child }), create({ identity: parent })]
      transports.push(dialing, listening)
      const accepted = Promise.withResolvers<Channel>()
      const [endpoint] = await listening.listen([{ host: '127.0.0.1', port: 0 }], accepted.resolve)
      if (endpoint === undefined) throw new Error('nothing was bound')
      const near = await dialing.dial({ endpoint, peer: parent.peerId }, '/damselfly/piece/1', never)
      return [near, await accepted.promise] as const
    },
    stop: async () => {
      await Promise.all(transports.map((transport) => transport.stop()))
    },
  }
}

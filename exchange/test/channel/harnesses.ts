import { once } from 'node:events'
import { connect as connectPlainly } from 'node:net'
import { connect as connectSecurely } from 'node:tls'
import { systemClock } from '@damselfly/shared'
import { PROTOCOLS } from '../../src/channel/channel.ts'
import { ConnectionGate } from '../../src/channel/connection-gate.ts'
import { createDirectTransport } from '../../src/channel/direct-transport.ts'
import { startNode, StreamLink, toMultiaddr } from '../../src/channel/libp2p-node.ts'
import { createLibp2pTransport } from '../../src/channel/libp2p-transport.ts'
import { greetPlainly } from '../../src/channel/plain-handshake.ts'
import { createPlainTransport } from '../../src/channel/plain-transport.ts'
import { SocketLink } from '../../src/channel/socket-link.ts'
import type { ChannelHarness } from '../../src/channel/testing/channel-compliance.ts'
import { FramedChannel } from '../../src/channel/framed-channel.ts'
import { channelPair } from '../../src/channel/testing/channel-pair.ts'
import { memoryLinkPair } from '../../src/channel/testing/memory-link.ts'
import { createIdentityCertificate } from '../../src/identity/certificate.ts'
import { createIdentity } from '../../src/identity/private-key.ts'
import { startTransportHarness } from './transport-harness.ts'

export async function startDirect(): Promise<ChannelHarness> {
  const [dialer, listener] = [createIdentity(), createIdentity()]
  const { certificate, privateKey } = await createIdentityCertificate(dialer)
  return startTransportHarness({
    dialing: createDirectTransport({ identity: dialer }),
    listening: createDirectTransport({ identity: listener }),
    dialer: dialer.peerId,
    listener: listener.peerId,
    protocols: PROTOCOLS,
    dialRaw: async ({ host, port }, protocol) => {
      const options = { host, port, cert: certificate, key: privateKey, ALPNProtocols: [protocol] }
      const socket = connectSecurely({ ...options, rejectUnauthorized: false })
      const link = new SocketLink(socket, undefined)
      await once(socket, 'secureConnect')
      return link
    },
  })
}

export async function startPlain(): Promise<ChannelHarness> {
  const [dialer, listener] = [createIdentity(), createIdentity()]
  return startTransportHarness({
    dialing: createPlainTransport({ identity: dialer }),
    listening: createPlainTransport({ identity: listener }),
    dialer: dialer.peerId,
    listener: listener.peerId,
    protocols: ['/damselfly/piece/1'],
    dialRaw: async ({ host, port }, protocol) => {
      const link = new SocketLink(connectPlainly({ host, port }), undefined)
      await greetPlainly(link, dialer, protocol, new AbortController().signal)
      return link
    },
  })
}

export async function startLibp2p(): Promise<ChannelHarness> {
  const [dialer, listener] = [createIdentity(), createIdentity()]
  const { node } = await startNode(dialer, [], new ConnectionGate())
  return startTransportHarness({
    dialing: createLibp2pTransport({ identity: dialer }),
    listening: createLibp2pTransport({ identity: listener }),
    dialer: dialer.peerId,
    listener: listener.peerId,
    protocols: PROTOCOLS,
    dialRaw: async ({ host, port }, protocol) =>
      new StreamLink(await node.dialProtocol(toMultiaddr(host, port, listener.peerId), protocol)),
    stop: async () => node.stop(),
  })
}

export async function startMemory(): Promise<ChannelHarness> {
  const peers = [createIdentity().peerId, createIdentity().peerId] as const
  return {
    kind: 'direct',
    protocols: PROTOCOLS,
    dialer: peers[0],
    listener: peers[1],
    connect: async (protocol) => channelPair({ protocol, peers }),
    connectRaw: async (protocol) => {
      const [raw, link] = memoryLinkPair({ capacity: 64 * 1024, delayMs: 0, portion: 1000, clock: systemClock })
      const common = { kind: 'direct', protocol, clock: systemClock } as const
      return [raw, new FramedChannel({ ...common, link, remotePeer: peers[0], remoteAddress: 'memory:1' })] as const
    },
    stop: async () => undefined,
  }
}

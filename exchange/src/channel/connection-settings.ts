import * as z from 'zod'
import { CONNECTION_LIMITS } from './connection-gate.ts'

const usual = CONNECTION_LIMITS
const count = (least = 1): z.ZodNumber => z.number().int().min(least).max(1_000_000)

/** Settings of a gate for connections. */
export const connectionSettings = {
  connections: count().default(usual.connections).describe('Connections of other peers at once, on all listeners together; open files may allow fewer'),
  connectionsPerAddress: count()
    .default(usual.connectionsPerAddress)
    .describe('Connections at once from one IPv4 address, or one IPv6 network of 64 bits; raise it where many hosts share an address'),
  handshakesPerAddress: count().default(usual.handshakesPerAddress).describe('Handshakes of one address that may be under way at once; each may take 10 s'),
  handshakeRate: count().default(usual.handshakeRate).describe('Connections that one address may begin each second; five times as many after a pause'),
  channelsPerPeer: count().default(usual.channelsPerPeer).describe('Channels at once, for control and pieces, of one PeerId'),
}

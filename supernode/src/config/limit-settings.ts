import { connectionSettings } from '@damselfly/exchange'
import * as z from 'zod'
import { CONTROL_LIMITS, type ControlLimits } from '../control/limits.ts'

/** Each peer has one control channel and may have a few for pieces. */
const CONNECTIONS = 4 * CONTROL_LIMITS.peers

const count = (): z.ZodNumber => z.number().int().min(1).max(100_000_000)

/** What peers may take of the supernode. */
export const limitSettings = z
  .strictObject({
    ...connectionSettings,
    connections: connectionSettings.connections.unwrap().default(CONNECTIONS).describe(connectionSettings.connections.description ?? ''),
    peers: count().default(CONTROL_LIMITS.peers).describe('Peers that may be connected at once'),
    tasks: count().default(CONTROL_LIMITS.tasks).describe('Tasks that peers may hold or want, all together'),
    tasksPerPeer: count().default(CONTROL_LIMITS.tasksPerPeer).describe('Tasks that one peer may hold or want'),
    registrationsPerPeer: count().default(CONTROL_LIMITS.pendingRegistrations).describe('Registrations of one peer that may wait for their answers'),
    fetchesPerPeer: count().default(CONTROL_LIMITS.fetchesPerPeer).describe('Contents that are fetched from origins for one peer at once; others wait'),
    diskPerPeer: z
      .number()
      .min(0.01)
      .max(1)
      .default(0.5)
      .describe('The part of what the CDN may keep that contents may take which one peer alone has asked for, once there is no room'),
    claimsPerPeer: count().default(CONTROL_LIMITS.claimsPerPeer).describe('Pieces whose digests are known by the word of one peer, alone or with others'),
    vouchedPieces: count().default(CONTROL_LIMITS.vouchedPieces).describe('Pieces that are known by the word of peers alone, all together; 150 bytes each'),
    timePerPeer: z
      .number()
      .min(0.01)
      .max(1)
      .default(CONTROL_LIMITS.timePerPeer)
      .describe("The part of the supernode's time that messages of one peer may take; beyond it the peer is heard later"),
  })
  .prefault({})

export function controlLimits(settings: z.output<typeof limitSettings>): ControlLimits {
  const { peers, tasks, tasksPerPeer, registrationsPerPeer, fetchesPerPeer, claimsPerPeer, vouchedPieces, timePerPeer } = settings
  const { maxQueuedBytes, helloTimeoutMs } = CONTROL_LIMITS
  return { peers, tasks, tasksPerPeer, pendingRegistrations: registrationsPerPeer, fetchesPerPeer, claimsPerPeer, vouchedPieces, timePerPeer, maxQueuedBytes, helloTimeoutMs }
}

import { connectionSettings } from '@damselfly/exchange'
import * as z from 'zod'
import { CONTROL_LIMITS } from '../control/limits.ts'

/** Each peer has one control channel and may have a few for pieces. */
const CONNECTIONS = 4 * CONTROL_LIMITS.peers

/** What peers may take of the supernode. */
export const limitSettings = z
  .strictObject({
    ...connectionSettings,
    connections: connectionSettings.connections.unwrap().default(CONNECTIONS).describe(connectionSettings.connections.description ?? ''),
  })
  .prefault({})

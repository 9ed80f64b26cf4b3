import { RateLimiter, systemClock, type PeerId } from '@damselfly/shared'
import { silentLogger } from '@damselfly/shared/logging'
import {
  createDirectTransport,
  createIdentity,
  createLanePool,
  createLibp2pTransport,
  createLocalPieceStore,
  createPlainTransport,
  SecurityInForce,
  type ChannelKind,
  type Lane,
  type PieceStore,
  type StoredTask,
} from '@damselfly/exchange'
import { layoutOf, recordOf, TASK } from './content.ts'
import type { Introduction } from './parent-peer.ts'
import { answerCalls } from './remote-calls.ts'

/** As many as a download has open at one parent when nothing else limits it. */
const OPEN_REQUESTS = 4

const identity = createIdentity()
const transports = [createPlainTransport({ identity }), createDirectTransport({ identity }), createLibp2pTransport({ identity })]
let store: PieceStore | undefined

export interface Fetch {
  readonly kind: ChannelKind
  readonly introduction: Introduction
  /** Bytes. */
  readonly length: number
}

const never = new AbortController().signal

async function fetchAll(task: StoredTask, lane: Lane, digests: readonly Uint8Array[], length: number): Promise<void> {
  const layout = layoutOf(length)
  let next = 0
  const fetchOneAfterTheOther = async (): Promise<void> => {
    for (let index = next++; index < layout.pieceCount; index = next++) {
      const piece = layout.piece(index)
      const writer = task.claim(index, piece.length)
      if (writer === undefined) throw new Error(`piece ${index} is claimed`)
      await lane.request(TASK, piece, (bytes) => writer.write(bytes), never)
      await writer.commit(digests[index])
    }
  }
  await Promise.all(Array.from({ length: OPEN_REQUESTS }, fetchOneAfterTheOther))
}

const calls = {
  async start({ directory }: { readonly directory: string }): Promise<PeerId> {
    store = createLocalPieceStore({ directory, clock: systemClock, logger: silentLogger() })
    await store.start()
    return identity.peerId
  },
  /** @returns seconds, from before the lane is opened until the last piece is recorded */
  async fetch({ kind, introduction, length }: Fetch): Promise<number> {
    if (store === undefined) throw new Error('not started')
    const { peer, endpoints, signedTicket, digests } = introduction
    const pool = createLanePool({
      transports: transports.filter((transport) => transport.kind === kind),
      security: new SecurityInForce({ security: 'plain' }),
      clock: systemClock,
      downloadLimiter: new RateLimiter(0, systemClock),
    })
    const started = performance.now()
    const lane = await pool.lane({ peer, endpoints, security: 'plain' }, never)
    lane.presentTicket(TASK, signedTicket)
    const task = await store.create(recordOf(length))
    await fetchAll(task, lane, digests, length)
    const seconds = (performance.now() - started) / 1000
    await pool.close()
    return seconds
  },
  /** Makes room for the next fetch. */
  async forget(_argument: object): Promise<void> {
    await store?.delete(TASK)
  },
}
export type ChildCalls = typeof calls

answerCalls(calls)

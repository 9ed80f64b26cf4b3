import { RateLimiter, systemClock, type PeerId } from '@damselfly/shared'
import { silentLogger } from '@damselfly/shared/logging'
import {
  createDirectTransport,
  createIdentity,
  createLibp2pTransport,
  createLocalPieceStore,
  createPieceServer,
  createPlainTransport,
  signTicket,
  type Endpoint,
} from '@damselfly/exchange'
import { storeFile, TASK } from './content.ts'
import { answerCalls } from './remote-calls.ts'

/** What a child has to know of a parent to fetch the content from it. */
export interface Introduction {
  readonly peer: PeerId
  readonly endpoints: readonly Endpoint[]
  readonly signedTicket: Uint8Array
  readonly digests: readonly Uint8Array[]
}

const supernode = createIdentity()
const identity = createIdentity()
const transports = [
  createPlainTransport({ identity }),
  createDirectTransport({ identity }),
  createLibp2pTransport({ identity }),
] as const
let endpoints: readonly Endpoint[] = []
let digests: readonly Uint8Array[] = []

const calls = {
  /** Stores the file, then serves it. */
  async start({ directory, file, length }: { readonly directory: string; readonly file: string; readonly length: number }) {
    const store = createLocalPieceStore({ directory, clock: systemClock, logger: silentLogger() })
    await store.start()
    const task = await storeFile(store, file, length)
    digests = Array.from({ length: task.layout?.pieceCount ?? 0 }, (_, index) => task.digest(index) ?? new Uint8Array())
    const server = createPieceServer({
      parent: identity.peerId,
      supernodes: () => new Set([supernode.peerId]),
      store,
      uploadLimiter: new RateLimiter(0, systemClock),
      clock: systemClock,
      logger: silentLogger(),
    })
    const listened = await Promise.all(
      transports.map((transport) => transport.listen([{ host: '127.0.0.1', port: 0 }], (channel) => server.serve(channel))),
    )
    endpoints = listened.flat()
  },
  async introduce({ child }: { readonly child: PeerId }): Promise<Introduction> {
    const grant = { taskId: TASK, child, parent: identity.peerId, expiresAt: Date.now() + 3_600_000, issuedAt: Date.now() }
    return { peer: identity.peerId, endpoints, signedTicket: signTicket(supernode, grant), digests }
  },
}
export type ParentCalls = typeof calls

answerCalls(calls)

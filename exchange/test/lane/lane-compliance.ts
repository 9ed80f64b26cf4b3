import assert from 'node:assert/strict'
import { isDamselflyError, type ErrorCode, type TaskId } from '@damselfly/shared'
import { createIdentity } from '../../src/identity/private-key.ts'
import { contentOf, eventually, fetchPiece, LaneHarness, MISSING, never, settled, TASK, type Connect } from './lane-harness.ts'

export interface LaneKind {
  readonly connect: Connect
  stop(): Promise<void>
}

const withCode = (code: ErrorCode, why = /./) => (error: unknown): boolean =>
  isDamselflyError(error, code) && why.test(error.message)

/** What a download relies on, whatever carries the lane. */
export function describeLane(name: string, start: () => Promise<LaneKind>): void {
  describe(`a lane over ${name}`, () => {
    let kind: LaneKind
    let harness: LaneHarness
    before(async () => {
      kind = await start()
    })
    after(() => kind.stop())
    beforeEach(() => {
      harness = new LaneHarness(kind.connect)
    })

    it('brings the pieces that are asked for, many at once', async () => {
      const lane = await harness.laneWithTicket()
      assert.equal(lane.parent, harness.parent.peerId)
      const pieces = [0, 1, 3, 0, 3].map((index) => harness.piece(index))
      const fetched = pieces.map(async (piece) => assert.ok((await fetchPiece(lane, piece)).equals(contentOf(piece))))
      assert.equal(lane.open, pieces.length)
      await Promise.all(fetched)
      assert.equal(lane.open, 0)
      assert.equal(harness.task.users, 0)
      assert.deepEqual(harness.served, [0, 1, 3, 0, 3])
      await lane.close()
    })

    it('refuses without a ticket, and serves as soon as one is shown', async () => {
      const lane = await harness.lane()
      await assert.rejects(fetchPiece(lane, harness.piece(0)), withCode('TICKET_INVALID', /no ticket/))
      lane.presentTicket(TASK, harness.ticket())
      assert.ok((await fetchPiece(lane, harness.piece(0))).equals(contentOf(harness.piece(0))))
      await lane.close()
    })

    it('refuses a ticket of another child, parent, task or signer, or one that has expired', async () => {
      const stranger = createIdentity()
      const useless: readonly (readonly [Uint8Array, RegExp])[] = [
        [harness.ticket({ child: stranger.peerId }), /for the child/],
        [harness.ticket({ parent: stranger.peerId }), /for the parent/],
        [harness.ticket({ taskId: 'cd'.repeat(32) as TaskId }), /no ticket/],
        [harness.ticket({}, stranger), /not signed/],
        [harness.ticket({ expiresAt: harness.clock.wallTime() - 3_600_000 }), /expired/],
        [Buffer.from('garbage'), /./],
      ]
      for (const [ticket, why] of useless) {
        const lane = await harness.lane()
        lane.presentTicket(TASK, ticket)
        await assert.rejects(fetchPiece(lane, harness.piece(0)), withCode('TICKET_INVALID', why))
        await lane.close()
      }
      assert.equal(harness.bytesSent, 0)
    })

    it('refuses what the parent does not have, and goes on', async () => {
      const lane = await harness.laneWithTicket()
      const unknown = 'cd'.repeat(32) as TaskId
      lane.presentTicket(unknown, harness.ticket({ taskId: unknown }))
      await assert.rejects(fetchPiece(lane, harness.piece(0), unknown), withCode('PIECE_REFUSED', /TASK_NOT_FOUND/))
      await assert.rejects(fetchPiece(lane, harness.piece(MISSING)), withCode('PIECE_REFUSED', /piece 2/))
      await assert.rejects(fetchPiece(lane, { ...harness.piece(0), index: 4_000_000_000 }), withCode('PIECE_REFUSED'))
      await assert.rejects(fetchPiece(lane, { ...harness.piece(0), length: 10 }), withCode('PIECE_REFUSED', /not 10/))
      assert.ok((await fetchPiece(lane, harness.piece(3))).equals(contentOf(harness.piece(3))))
      await lane.close()
    })

    it('stops a request that is cancelled, at once for the child and soon for the parent', async () => {
      const lane = await harness.laneWithTicket()
      const controller = new AbortController()
      const reason = new Error('not needed any more')
      let bytes = 0
      const cancelled = lane.request(
        TASK,
        harness.piece(0),
        (part) => {
          bytes += part.length
          controller.abort(reason)
        },
        controller.signal,
      )
      const other = fetchPiece(lane, harness.piece(1))
      await assert.rejects(cancelled, reason)
      const atCancel = bytes
      assert.ok((await other).equals(contentOf(harness.piece(1))))
      assert.equal(bytes, atCancel)
      await assert.rejects(lane.request(TASK, harness.piece(0), () => undefined, controller.signal), reason)
      assert.ok((await fetchPiece(lane, harness.piece(3))).equals(contentOf(harness.piece(3))))
      assert.equal(harness.task.users, 0)
      await lane.close()
    })

    it('fails one request when its sink fails, and goes on', async () => {
      const lane = await harness.laneWithTicket()
      const broken = new Error('disk full')
      const throws = (): never => {
        throw broken
      }
      await assert.rejects(lane.request(TASK, harness.piece(0), throws, never), broken)
      await assert.rejects(lane.request(TASK, harness.piece(1), () => Promise.reject(broken), never), broken)
      assert.ok((await fetchPiece(lane, harness.piece(3))).equals(contentOf(harness.piece(3))))
      await lane.close()
    })

    it('waits for a slow sink, and makes the parent wait', async () => {
      const lane = await harness.laneWithTicket()
      const slow = Promise.withResolvers<void>()
      let received = 0
      const requests = Array.from({ length: 40 }, () => {
        const sink = (bytes: Uint8Array): Promise<void> => {
          received += bytes.length
          return slow.promise
        }
        return lane.request(TASK, harness.piece(0), sink, never)
      })
      await settled(() => harness.bytesSent)
      const total = harness.piece(0).length * requests.length
      assert.ok(received < 5 * 1024 * 1024, `the sinks were given ${received} bytes`)
      assert.ok(harness.bytesSent < total, 'the parent sent everything')
      slow.resolve()
      await Promise.all(requests)
      assert.equal(received, total)
      await lane.close()
    })

    it('fails what is open when the parent goes away', async () => {
      const stuck = Promise.withResolvers<void>()
      harness.task.beforeRead = () => stuck.promise
      const lane = await harness.laneWithTicket()
      const request = fetchPiece(lane, harness.piece(0))
      await eventually(() => harness.task.reads === 1)
      harness.breakChannels()
      await assert.rejects(request, withCode('CHANNEL_CLOSED'))
      assert.ok(isDamselflyError(lane.closed.reason, 'CHANNEL_CLOSED'))
      await assert.rejects(fetchPiece(lane, harness.piece(0)), withCode('CHANNEL_CLOSED'))
      stuck.resolve()
      await eventually(() => harness.server.openRequests === 0 && harness.task.users === 0)
    })

    it('fails what is open when it is closed on this side', async () => {
      const lane = await harness.laneWithTicket()
      const failed = assert.rejects(fetchPiece(lane, harness.piece(0)), withCode('CHANNEL_CLOSED', /this side/))
      await lane.close()
      await failed
      await eventually(() => harness.server.openRequests === 0)
    })

    it('ends what is open before the server closes, and takes no more', async () => {
      const held = Promise.withResolvers<void>()
      harness.task.beforeRead = () => held.promise
      const lane = await harness.laneWithTicket()
      const open = fetchPiece(lane, harness.piece(0))
      await eventually(() => harness.task.reads === 1)
      const closing = harness.server.close()
      await assert.rejects(fetchPiece(lane, harness.piece(1)), withCode('PIECE_REFUSED'))
      held.resolve()
      assert.ok((await open).equals(contentOf(harness.piece(0))))
      await closing
      await eventually(() => lane.closed.aborted)
    })
  })
}

import { ORIGIN_PEER, pieceSizeFor, type RateUse } from '@damselfly/shared'
import type { ArrivingContent } from './arriving-content.ts'
import { OriginFetch, type OriginFetchOptions } from './origin-fetch.ts'
import type { DownloadDependencies, DownloadTask } from './task-download.ts'
import type { ReadingPositions } from './reading-positions.ts'
import type { TransferAccount } from './transfer-account.ts'

/** What every fetch of a download from its origin has in common. */
export interface OriginFetchSurroundings {
  readonly dependencies: DownloadDependencies
  readonly task: DownloadTask
  readonly account: TransferAccount
  readonly positions: ReadingPositions
  readonly content: ArrivingContent
  readonly signal: AbortSignal
}

/** @param which pieces, and how many at once */
export function createOriginFetch(
  { task, account, positions, dependencies, content, signal }: OriginFetchSurroundings,
  which: Pick<OriginFetchOptions, 'parallel' | 'isElsewhere' | 'onStored'>,
): OriginFetch {
  return new OriginFetch({
    ...which,
    origin: task.origin,
    account,
    wanted: { firstByte: () => positions.firstByte, nextPiece: (pieceSize) => positions.next(pieceSize) },
    digests: content.digests,
    existing: content.stored,
    prepare: (described) =>
      content.prepare({
        ...described,
        pieceSize: pieceSizeFor(described.contentLength),
        // What credentials were needed for, if any, cannot be told here: nobody else gets it unasked.
        isPrivate: task.credentials.size > 0,
      }),
    flow: dependencies.downloadLimiter.flow(originUse(task)),
    clock: dependencies.clock,
    signal,
  })
}

/** To the limits, an origin is one more peer. */
function originUse({ taskId, priority }: DownloadTask): RateUse {
  return {
    task: taskId,
    peer: ORIGIN_PEER,
    get priority() {
      return priority()
    },
  }
}

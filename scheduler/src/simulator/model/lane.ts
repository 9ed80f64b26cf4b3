import type { FailureReason } from '../../contract.ts'
import type { Flow } from '../network/flow.ts'
import type { Route } from './routes.ts'

/** A piece that a child asks a parent for. One of the two calls comes, unless the child is gone or has cancelled. */
export interface PieceRequest {
  readonly bytes: number
  /** @param isRight whether the bytes have the right digest */
  arrived(isRight: boolean): void
  failed(reason: FailureReason): void
}

/**
 * What carries pieces from one parent to one child: one at a time, in the order of the requests, so that the first is
 * whole first.
 */
export class Lane {
  readonly route: Route
  /** When requests can be sent; the lane is opened until then. Milliseconds. */
  readonly openAt: number
  /** At the parent. The first is being sent, or waits for the parent's turn. */
  readonly requests: PieceRequest[] = []
  flow: Flow | undefined
  /** Requests that have been made and not been answered. */
  open = 0
  idleSince = 0

  constructor(route: Route, openAt: number) {
    this.route = route
    this.openAt = openAt
  }
}

import type { Download } from '../model/download.ts'
import type { Peer } from '../model/peer.ts'

/** Who is told what happens in a simulation, as it happens. */
export interface Observer {
  /** Nothing changes until `now`; milliseconds. */
  timePasses(now: number): void
  /** A transfer from a parent ended; `held`: the piece had come from elsewhere before. */
  received(bytes: number, quality: 'right' | 'wrong' | 'held'): void
  /** A piece is held that was not before, wherever it came from. */
  gained(download: Download, piece: number): void
  /** Nothing was under way for so long, although pieces were missing. */
  idled(ms: number): void
  completed(download: Download): void
  /** The peer died, or left. */
  departed(peer: Peer): void
  sentToSource(): void
}

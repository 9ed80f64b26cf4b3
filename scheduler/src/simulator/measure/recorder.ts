import type { Content } from '../model/content.ts'
import type { Download } from '../model/download.ts'
import type { Peer } from '../model/peer.ts'
import { Availability } from './availability.ts'
import type { Observer } from './observer.ts'

/** Keeps what the figures and pictures are made of. */
export class Recorder implements Observer {
  readonly availability: Availability
  readonly finished: Download[] = []
  rightBytes = 0
  wrongBytes = 0
  heldBytes = 0
  longestIdleMs = 0
  timesSentToSource = 0
  readonly #drawn: Content

  /** @param drawn the content whose availability is sampled @param everyMs how often at first; milliseconds */
  constructor(drawn: Content, everyMs: number) {
    this.#drawn = drawn
    this.availability = new Availability(drawn.pieces, everyMs)
  }

  timePasses(now: number): void {
    this.availability.timePasses(now)
  }

  received(bytes: number, quality: 'right' | 'wrong' | 'held'): void {
    if (quality === 'right') this.rightBytes += bytes
    else if (quality === 'wrong') this.wrongBytes += bytes
    else this.heldBytes += bytes
  }

  gained({ content }: Download, piece: number): void {
    if (content.task === this.#drawn.task) this.availability.change(piece, 1)
  }

  idled(ms: number): void {
    this.longestIdleMs = Math.max(this.longestIdleMs, ms)
  }

  completed(download: Download): void {
    this.finished.push(download)
  }

  departed({ downloads }: Peer): void {
    const download = downloads.get(this.#drawn.task)
    if (download === undefined) return
    for (let piece = 0; piece < this.#drawn.pieces; piece++) if (download.has(piece)) this.availability.change(piece, -1)
  }

  sentToSource(): void {
    this.timesSentToSource++
  }
}

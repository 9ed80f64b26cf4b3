import type { SchedulerEvent } from '../../contract.ts'
import type { Agenda } from '../agenda.ts'
import type { Content } from './content.ts'
import type { Host } from './host.ts'
import type { Origin } from './origin.ts'

export interface CdnDeps {
  readonly host: Host
  readonly origin: Origin
  readonly agenda: Agenda
  /** Until the first byte comes; milliseconds. */
  readonly originLatencyMs: number
  /** It holds every content from the start. */
  readonly isWarm: boolean
  /** To the scheduler, which runs in the same process. */
  readonly report: (event: SchedulerEvent) => void
}

/** Brings each content from the origin once, in order, and offers each piece as soon as it is there. */
export class Cdn {
  readonly #deps: CdnDeps
  readonly #begun = new Set<Content>()

  constructor(deps: CdnDeps) {
    this.#deps = deps
  }

  /** Somebody wants the content. */
  obtain(content: Content): void {
    if (this.#begun.has(content)) return
    this.#begun.add(content)
    const { agenda, isWarm, originLatencyMs } = this.#deps
    if (isWarm) this.#offer(content, Array.from({ length: content.pieces }, (_, piece) => piece))
    else agenda.after(originLatencyMs, () => this.#fetch(content, 0))
  }

  #fetch(content: Content, piece: number): void {
    if (piece === content.pieces) return
    const { origin, host } = this.#deps
    origin.send(host.downlink, content.pieceSize, () => {
      this.#offer(content, [piece])
      this.#fetch(content, piece + 1)
    })
  }

  #offer({ task }: Content, pieces: readonly number[]): void {
    this.#deps.report({ type: 'pieces-available', task, peer: this.#deps.host.id, pieces })
  }
}

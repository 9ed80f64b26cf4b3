import { DamselflyError, toDamselflyError, type Clock, type HeaderMap, type PeerId } from '@damselfly/shared'
import type { ContentSpec } from '@damselfly/cdn'
import type { BringListener } from './bring-content.ts'
import { credentialsOf, specOf } from './content-spec.ts'
import type { Candidate } from './peer-choice.ts'
import type { PreheatJob, Step, TargetReport } from './preheat-job.ts'
import type { ContentRecord } from './preheat-record.ts'

/** How often time is looked at; milliseconds. */
const TICK = 1000

/** What a preheat needs of its surroundings. */
export interface PreheatPorts {
  /** Connected peers that take preheats. */
  candidates(): readonly Candidate[]
  /** As `bringContent`. */
  bring(spec: ContentSpec, credentials: HeaderMap, listener: BringListener, signal: AbortSignal): Promise<number>
  ask(run: PreheatRun, content: number, peer: PeerId): void
  withdraw(run: PreheatRun, content: number, peer: PeerId): void
  /** Something is to be kept. @param isOver whether it was the last change */
  changed(run: PreheatRun, isOver: boolean): void
  readonly clock: Clock
}

/** Carries one preheat out. */
export class PreheatRun {
  readonly job: PreheatJob
  readonly #ports: PreheatPorts
  readonly #stopping = new AbortController()
  readonly #bringing = new Set<Promise<void>>()
  #cancelTick: () => void = () => undefined
  #isOver = false

  constructor(job: PreheatJob, ports: PreheatPorts) {
    this.job = job
    this.#ports = ports
  }

  get id(): string {
    return this.job.record.id
  }

  content(index: number): ContentRecord | undefined {
    return this.job.record.contents[index]
  }

  start(): void {
    this.#advance()
  }

  cancel(): void {
    const { clock } = this.#ports
    this.#carryOut(this.job.cancel(clock.wallTime()))
    this.#stopping.abort(new DamselflyError('CANCELLED', 'the preheat was cancelled'))
    this.#advance()
  }

  reported(content: number, peer: PeerId, report: TargetReport): void {
    this.job.reported(content, peer, report, this.#ports.clock.wallTime())
    this.#advance()
  }

  peerLeft(peer: PeerId): void {
    this.job.peerLeft(peer, this.#ports.clock.wallTime())
    this.#advance()
  }

  peerJoined(peer: PeerId): void {
    this.job.peerJoined(peer, this.#ports.clock.wallTime())
    this.#advance()
  }

  /** Stops without ending it: it goes on after the next start. */
  async stop(): Promise<void> {
    this.#isOver = true
    this.#cancelTick()
    this.#stopping.abort(new DamselflyError('CANCELLED', 'the supernode stops'))
    await Promise.all(this.#bringing)
  }

  #advance(): void {
    if (this.#isOver) return
    const ports = this.#ports
    this.#carryOut(this.job.plan(ports.candidates(), ports.clock.wallTime()))
    this.#cancelTick()
    this.#isOver = this.job.isOver
    if (!this.#isOver) this.#cancelTick = ports.clock.after(TICK, () => this.#advance())
    ports.changed(this, this.#isOver)
  }

  #carryOut(steps: readonly Step[]): void {
    for (const step of steps) {
      if (step.type === 'bring') this.#bring(step.content)
      else this.#ports[step.type](this, step.content, step.peer)
    }
  }

  #bring(index: number): void {
    const bringing = this.#bringNow(index).finally(() => this.#bringing.delete(bringing))
    this.#bringing.add(bringing)
  }

  async #bringNow(index: number): Promise<void> {
    const content = this.content(index)
    if (content === undefined) return
    const { signal } = this.#stopping
    const listener: BringListener = {
      opened: (contentLength) => {
        this.job.opened(index, contentLength)
        this.#advance()
      },
      progress: (bytes) => this.job.fetched(index, bytes),
    }
    try {
      this.job.held(index, await this.#ports.bring(specOf(content), credentialsOf(content), listener, signal))
    } catch (error) {
      // A supernode that stops goes on with it when it starts again.
      if (signal.aborted) return
      this.#carryOut(this.job.contentFailed(index, toDamselflyError(error)))
    }
    this.#advance()
  }
}

import type { SlotControl } from '../policies/upload-slots.ts'
import { blend, known, UNKNOWN } from './average.ts'

/** The shortest duration that a rate is computed from, so that a rounded 0 ms is no infinite rate. */
const SHORTEST_MS = 0.01

/** What a peer sends, over all tasks, and how fast. */
export class Uplink {
  readonly #control: SlotControl
  #inFlight = 0
  #late = 0
  /** Uploads under way, summed up over time. */
  #load = 0
  #changedAt = 0
  #rate = UNKNOWN
  #throughput = UNKNOWN
  #duration = UNKNOWN

  constructor(control: SlotControl) {
    this.#control = control
  }

  /** Assignments under way. */
  get inFlight(): number {
    return this.#inFlight
  }

  /** Bytes per millisecond of one upload, on average; undefined before the first one. */
  get rate(): number | undefined {
    return known(this.#rate)
  }

  /** Bytes per millisecond of all uploads together, on average; undefined before the first one. */
  get throughput(): number | undefined {
    return known(this.#throughput)
  }

  /** Milliseconds from an assignment until it is reported as done, on average; undefined before the first one. */
  get duration(): number | undefined {
    return known(this.#duration)
  }

  /** @param slots how many uploads the peer can have at once */
  hasRoom(slots: number): boolean {
    // Of a parent that has never finished one it is not known whether a child stalls or the parent crawls.
    const late = Number.isNaN(this.#rate) ? Math.min(1, this.#late) : this.#late
    return this.#inFlight < slots && this.#inFlight - late < this.#control.limit
  }

  /** Whether at most so many uploads are begun at once. */
  isLimitedBelow(slots: number): boolean {
    return this.#control.limit < slots
  }

  begin(now: number): void {
    this.#pass(now)
    this.#inFlight++
  }

  /** @param wasLate whether it was given up as a measure of how busy the uplink is */
  end(wasLate: boolean, now: number): void {
    this.#pass(now)
    this.#inFlight--
    if (wasLate) this.#late--
  }

  /** One upload takes so long that its slot should not stay unused for it. */
  giveUpOne(): void {
    this.#late++
  }

  /** The sum over time, of which the difference between two times tells the mean between them. */
  loadAt(now: number): number {
    this.#pass(now)
    return this.#load
  }

  /**
   * Learns from an upload that went well and has not ended yet.
   * @param durationMs as the child measured it
   * @param startedAt when it was assigned
   * @param loadAtStart what `loadAt` was then
   */
  measure(bytes: number, durationMs: number, startedAt: number, loadAtStart: number, now: number): void {
    const elapsed = Math.max(now - startedAt, SHORTEST_MS)
    const atOnce = now > startedAt ? (this.loadAt(now) - loadAtStart) / elapsed : this.#inFlight
    const rate = bytes / Math.max(durationMs, SHORTEST_MS)
    this.#rate = blend(this.#rate, rate)
    this.#throughput = blend(this.#throughput, rate * atOnce)
    this.#duration = blend(this.#duration, elapsed)
    this.#control.uploaded({ throughput: (bytes / elapsed) * atOnce, atOnce })
  }

  #pass(now: number): void {
    this.#load += this.#inFlight * (now - this.#changedAt)
    this.#changedAt = now
  }
}

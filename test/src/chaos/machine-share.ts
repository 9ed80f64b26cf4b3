import { readFile } from 'node:fs/promises'
import { setTimeout as wait } from 'node:timers/promises'
import type { FaultLog } from './download-log.ts'

/** How often it is looked; milliseconds. */
const LOOK_EVERY = 500
/** With less than this share of what they wanted programs stand still rather than run. */
const HARDLY_ANY = 0.25
/** Timers of programs that wait for each other pass in a spell of this length; seconds. */
const LONG_SPELL = 2

interface Look {
  /** Seconds from the start. */
  readonly at: number
  /** Of the processor time that the programs wanted since the look before; 1: all. */
  readonly share: number
}

/** What a program ran, and what it waited for a processor; nanoseconds. */
interface Times {
  readonly ran: number
  readonly waited: number
}

/**
 * How much of the processor the programs of a run get. Bounds are counted in what they got: a machine that is busy with
 * something else breaks no promise of theirs.
 */
export class MachineShare {
  readonly #pids: () => readonly number[]
  readonly #now: () => number
  readonly #looks: Look[] = []
  readonly #before = new Map<number, Times>()

  /** @param now seconds from the start */
  constructor(pids: () => readonly number[], now: () => number) {
    this.#pids = pids
    this.#now = now
  }

  /** Looks until it is told to end. */
  async watch(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#look()
      await wait(LOOK_EVERY, undefined, { signal }).catch(() => undefined)
    }
  }

  /** Seconds between two times, less what the programs waited for a processor. */
  given(from: number, until: number): number {
    return this.#pieces(from, until).reduce((sum, { seconds, share }) => sum + seconds * share, 0)
  }

  /** Aborts once the programs were given so many seconds from now on. */
  async timeout(seconds: number, signal: AbortSignal): Promise<void> {
    const from = this.#now()
    while (!signal.aborted && this.given(from, this.#now()) < seconds) await wait(LOOK_EVERY, undefined, { signal }).catch(() => undefined)
  }

  /** When the machine let the programs stand still, as faults that everything may suffer from. */
  spells(): readonly FaultLog[] {
    const spells: { from: number; until: number }[] = []
    for (const [i, { at, share }] of this.#looks.entries()) {
      if (share >= HARDLY_ANY) continue
      const from = this.#looks[i - 1]?.at ?? 0
      const last = spells.at(-1)
      if (last?.until === from) last.until = at
      else spells.push({ from, until: at })
    }
    return spells.filter(({ from, until }) => until - from >= LONG_SPELL).map((spell) => ({ kind: 'busy-machine', host: 'supernode', ...spell }))
  }

  *#steps(): Generator<{ from: number; until: number; share: number }> {
    let from = 0
    for (const { at, share } of this.#looks) {
      yield { from, until: at, share }
      from = at
    }
    // What was not looked at yet is taken as given.
    yield { from, until: Number.POSITIVE_INFINITY, share: 1 }
  }

  #pieces(from: number, until: number): readonly { seconds: number; share: number }[] {
    return Array.from(this.#steps())
      .map((step) => ({ seconds: Math.min(step.until, until) - Math.max(step.from, from), share: step.share }))
      .filter(({ seconds }) => seconds > 0)
  }

  async #look(): Promise<void> {
    let ran = 0
    let waited = 0
    for (const pid of this.#pids()) {
      const now = await timesOf(pid)
      const before = this.#before.get(pid) ?? { ran: 0, waited: 0 }
      if (now === undefined) continue
      this.#before.set(pid, now)
      ran += now.ran - before.ran
      waited += now.waited - before.waited
    }
    this.#looks.push({ at: this.#now(), share: ran + waited === 0 ? 1 : ran / (ran + waited) })
  }
}

/** @returns undefined where the system does not say, or the program is gone */
async function timesOf(pid: number): Promise<Times | undefined> {
  const text = await readFile(`/proc/${pid}/schedstat`, 'utf8').catch(() => undefined)
  const [ran, waited] = (text ?? '').split(' ').map(Number)
  return ran === undefined || waited === undefined || Number.isNaN(waited) ? undefined : { ran, waited }
}

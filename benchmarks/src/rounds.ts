/** What each way took, round by round; nothing for ways that were left out. */
export type Runs<Way extends string, Run> = Readonly<Record<Way, readonly Run[]>>

export interface RoundsInit<Way extends string, Setting, Run> {
  /** Those that count; one more before them warms up, unless that is left out. */
  readonly rounds: number
  /** Where every way starts programs of its own nothing stays warm but the page cache. @default true */
  readonly warmUp?: boolean
  /**
   * Gone one after the other in each round (A B A B), so that whatever changes slowly on the machine meets all of them.
   * Undefined: left out.
   */
  readonly ways: Readonly<Record<Way, ((setting: Setting) => Promise<Run>) | undefined>>
  /** Gives each round surroundings of its own, as fresh as the last one's were. */
  readonly withSetting: (work: (setting: Setting) => Promise<void>) => Promise<void>
  /** What is said of a run; one line. */
  readonly describe: (run: Run) => string
  readonly report: (line: string) => void
}

/** Compares ways of doing the same thing. */
export async function inRounds<Way extends string, Setting, Run>(init: RoundsInit<Way, Setting, Run>): Promise<Runs<Way, Run>> {
  const { rounds, warmUp = true, ways, withSetting, describe, report } = init
  const names = Object.keys(ways) as Way[]
  const width = Math.max(...names.map(({ length }) => length))
  const runs = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<Way, Run[]>
  for (let round = warmUp ? 0 : 1; round <= rounds; round++) {
    await withSetting(async (setting) => {
      for (const name of names) {
        const run = await ways[name]?.(setting)
        if (run === undefined) continue
        report(`${round === 0 ? 'warm-up' : `round ${round}`}  ${name.padEnd(width)}  ${describe(run)}`)
        if (round > 0) runs[name].push(run)
      }
    })
  }
  return runs
}

/** One quantity of each run in relation to that of the reference in the same round. */
export function ratios<Run>(of: readonly Run[], reference: readonly Run[], quantity: (run: Run) => number): readonly number[] {
  if (of.length !== reference.length) throw new RangeError('a ratio needs both runs of every round')
  return of.map((run, round) => quantity(run) / quantity(reference[round] as Run))
}

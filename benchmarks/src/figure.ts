/** `x` is a ratio, `CPU-s` seconds of one core's work, `MB` 10^6 bytes, `/s` how many a second. */
export type Unit = 's' | 'ms' | 'us' | 'x' | '%' | 'CPU-s' | 'CPU-s/GiB' | 'bytes' | 'MB' | 'MB/s' | '/s'

/** What a figure should be. */
export interface Goal {
  readonly op: '<=' | '>=' | '=='
  readonly value: number
}

/** One measured number: the median of its samples. */
export interface Figure {
  readonly id: string
  readonly value: number
  readonly unit: Unit
  /** Absent for figures that only inform. */
  readonly goal?: Goal
  /** Absent without a goal. */
  readonly met?: boolean
  readonly samples: readonly number[]
}

/** What a benchmark prints with `--json`. */
export interface BenchResult {
  readonly bench: string
  readonly machine: Machine
  /** The commit that was measured, with `-dirty` when files differed from it; empty outside a checkout. */
  readonly commit: string
  readonly figures: readonly Figure[]
  /** Programs, or other reasons, for want of which nothing was measured; there are no figures then. */
  readonly skipped?: readonly string[]
}

export interface Machine {
  readonly cpu: string
  readonly cores: number
  /** Bytes. */
  readonly memory: number
  readonly os: string
  readonly node: string
}

/** @throws RangeError without samples */
export function figure(id: string, unit: Unit, samples: readonly number[], goal?: Goal): Figure {
  const value = median(samples)
  if (goal === undefined) return { id, value, unit, samples }
  return { id, value, unit, goal, met: meets(value, goal), samples }
}

export function meets(value: number, { op, value: wanted }: Goal): boolean {
  if (op === '<=') return value <= wanted
  return op === '>=' ? value >= wanted : value === wanted
}

/** @throws RangeError without samples */
export function median(samples: readonly number[]): number {
  if (samples.length === 0) throw new RangeError('a median needs samples')
  const sorted = samples.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] as number
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] as number) + upper) / 2
}

import type { Lab } from '@damselfly/test'
import type { Explanation } from './explanation.ts'
import type { Figure } from './figure.ts'
import type { InstalledProgram, ReferenceProgram } from './reference-programs.ts'

/** One benchmark by its name. */
export interface Bench {
  /** Also that of its saved results, its plot and its section of the page. */
  readonly name: string
  /** What it compares; one line. */
  readonly title: string
  /** Where one of these is missing, the benchmark is skipped by name. */
  readonly needs: readonly ReferenceProgram[]
  /** Why it cannot be measured here, if it cannot, though all programs are there. @default it always can */
  readonly whyNot?: () => Promise<string | undefined>
  /** Where one of these is missing, only what it is the reference of is left out. @default none */
  readonly uses?: readonly ReferenceProgram[]
  /** What the page tells of it besides its results. */
  readonly explanation: Explanation
  /** Whatever it starts or writes belongs to a lab of `context`, so that nothing stays behind. */
  readonly run: (context: BenchContext) => Promise<readonly Figure[]>
}

/** What a benchmark is given for one run. */
export interface BenchContext {
  /** How many rounds shall count; undefined: as many as the benchmark thinks right. */
  readonly rounds: number | undefined
  /** Whether sizes may be those of the largest claims, which take more disk and time. */
  readonly large: boolean
  /** Of `needs` and `uses`, those that are installed. */
  readonly programs: ReadonlyMap<ReferenceProgram, InstalledProgram>
  /** Tells a person how far it is. */
  readonly report: (line: string) => void
  /** A lab for as long as `work` takes. It is stopped and its folder removed whatever happens, also on an interruption. */
  readonly withLab: <T>(work: (lab: Lab) => Promise<T>) => Promise<T>
}

import type { Figure } from './figure.ts'

/** One benchmark by its name. */
export interface Bench {
  readonly name: string
  /** What it compares; one line. */
  readonly title: string
  /** @param report tells a person how far it is */
  run(report: (line: string) => void): Promise<readonly Figure[]>
}

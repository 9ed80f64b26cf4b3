import type { Program } from '@damselfly/test'

/** What a process has in memory after a forced collection of its garbage; bytes. */
export interface CollectedMemory {
  readonly resident: number
  readonly heap: number
  readonly external: number
}

interface MemoryLine extends CollectedMemory {
  readonly number: number
}

/** The environment of a server that can be asked. */
export const ASKABLE = { NODE_OPTIONS: `--import=${new URL('report-memory.ts', import.meta.url).href}` }

/** Asks one server again and again. */
export class MemoryQuestions {
  readonly #program: Program
  #asked = 0

  /** @param program started with `ASKABLE` */
  constructor(program: Program) {
    this.#program = program
  }

  async ask(): Promise<CollectedMemory> {
    const number = this.#asked++
    this.#program.kill('SIGUSR2')
    return this.#program.line((line) => answerTo(number, line))
  }
}

function answerTo(number: number, line: string): CollectedMemory | undefined {
  if (!line.startsWith('{"memory"')) return undefined
  const { memory } = JSON.parse(line) as { memory: MemoryLine }
  return memory.number === number ? memory : undefined
}

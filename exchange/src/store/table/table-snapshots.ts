import { messageOf } from '@damselfly/shared'
import type { Logger } from '@damselfly/shared/logging'
import type { Run, StoreIndex } from '../store-index.ts'
import { writeTable } from './table-file.ts'
import type { TaskTable } from './task-table.ts'

/** Of fewer tasks no file is made: reading them from the index takes no time. */
const FEWEST_TASKS = 1000

/** The file is written again when more than this part of the tasks has changed, since each of them is read from the index at a start. */
const CHANGED_PART = 1 / 64

const FEWEST_CHANGES = 1000

export interface TableSnapshotsInit {
  readonly table: TaskTable
  readonly index: Pick<StoreIndex, 'changedTasks' | 'beginMarking' | 'tableWritten'>
  /** Of the table. */
  readonly file: string
  readonly run: Run
  readonly logger: Logger
}

/** Keeps the file of the table so young that a start has little to look up. */
export class TableSnapshots {
  readonly #init: TableSnapshotsInit
  #written = 0
  #writing: Promise<void> | undefined

  constructor(init: TableSnapshotsInit) {
    this.#init = init
  }

  /** Writes the file if it is time. Never rejects: without it a start takes longer, and nothing is lost. */
  async keepYoung(): Promise<void> {
    if (!this.#isDue()) return
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined
    })
    await this.#writing
  }

  #isDue(): boolean {
    const { table, index } = this.#init
    if (index.changedTasks === undefined) return table.count >= FEWEST_TASKS
    return index.changedTasks > Math.max(FEWEST_CHANGES, table.count * CHANGED_PART)
  }

  async #write(): Promise<void> {
    const { table, index, file, logger } = this.#init
    const generation = this.#nextGeneration()
    try {
      index.beginMarking(generation)
      await writeTable(file, table, generation)
      await index.tableWritten(generation)
    } catch (error) {
      logger.warn({ reason: messageOf(error) }, 'the table of tasks could not be written; the next start takes longer')
    }
  }

  /** Sorts after all before it; a new one for each file that was ever begun. */
  #nextGeneration(): string {
    return `${fixed(this.#init.run.number)}.${fixed(++this.#written)}`
  }
}

function fixed(number: number): string {
  return String(number).padStart(10, '0')
}

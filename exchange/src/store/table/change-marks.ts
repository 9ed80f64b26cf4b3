import { taskOfKey } from '../index-keys.ts'
import type { IndexChange } from '../index-writer.ts'

/** The marks that go with some changes. */
export interface NewMarks {
  readonly generation: string
  readonly taskIds: readonly string[]
}

/**
 * Which tasks were changed since the table was last written to its file: the index holds a mark for each, written with the first
 * change, so that a start needs to read only those from the index.
 */
export class ChangeMarks {
  #generation: string | undefined
  #marked = new Set<string>()

  /** Those that carry marks. */
  get count(): number {
    return this.#marked.size
  }

  /** Undefined while nothing is marked, since there is no file. */
  get generation(): string | undefined {
    return this.#generation
  }

  /** From here on marks are of this generation. @param marked has marks already, of this or an earlier one */
  begin(generation: string, marked: Iterable<string>): void {
    this.#generation = generation
    this.#marked = new Set(marked)
  }

  /** Which tasks need a mark, to be written in one step with `changes`. */
  needed(changes: readonly IndexChange[]): NewMarks | undefined {
    if (this.#generation === undefined) return undefined
    const taskIds = new Set<string>()
    for (const { key } of changes) {
      const taskId = taskOfKey(key)
      if (taskId !== undefined && !this.#marked.has(taskId)) taskIds.add(taskId)
    }
    return taskIds.size === 0 ? undefined : { generation: this.#generation, taskIds: [...taskIds] }
  }

  /** Only what is written need not be written again. */
  written({ generation, taskIds }: NewMarks): void {
    if (generation !== this.#generation) return
    for (const taskId of taskIds) this.#marked.add(taskId)
  }
}

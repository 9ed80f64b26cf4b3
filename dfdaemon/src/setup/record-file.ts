import { basename } from 'node:path'
import { DamselflyError } from '@damselfly/shared'
import * as z from 'zod'
import type { SetupRecord } from './plan-setup.ts'
import type { RootFolder } from './root-folder.ts'

const FOLDER = '/var/lib/damselfly/setup'
const PRIVATE = 0o600

const recordSchema = z.object({
  mirror: z.string(),
  registries: z.array(z.string()),
  changes: z.array(z.object({ path: z.string().startsWith('/'), before: z.string().optional(), after: z.string().optional() })),
  folders: z.array(z.string().startsWith('/')),
})

/** With the folders that were made for it, the innermost first. */
export interface KeptRecord extends SetupRecord {
  readonly folders: readonly string[]
}

/** Keeps what is needed to take a set-up back, and the files as they were beside it, for people. */
export class RecordFile {
  readonly #root: RootFolder
  readonly #folder: string

  constructor(root: RootFolder, name: string) {
    this.#root = root
    this.#folder = `${FOLDER}/${name}`
  }

  /** Where the file as it was is kept. */
  backupOf(path: string): string {
    return `${this.#folder}/${basename(path)}`
  }

  /** @throws DamselflyError TOOL_CONFIG_INVALID */
  read(): KeptRecord | undefined {
    const text = this.#root.read(this.#path)
    if (text === undefined) return undefined
    try {
      const { changes, ...rest } = recordSchema.parse(JSON.parse(text))
      return { ...rest, changes: changes.map(({ path, before, after }) => ({ path, before, after })) }
    } catch (error) {
      const advice = `the files as they were are in ${this.#folder}; put them back by hand, then remove it`
      throw new DamselflyError('TOOL_CONFIG_INVALID', `${this.#path} is damaged: ${advice}`, { cause: error })
    }
  }

  /** Before anything else is written. */
  write(record: KeptRecord): void {
    for (const { path, before } of record.changes) if (before !== undefined) this.#root.write({ path: this.backupOf(path), after: before }, PRIVATE)
    this.#root.write({ path: this.#path, after: `${JSON.stringify(record, null, 2)}\n` }, PRIVATE)
  }

  /** After everything was taken back. */
  remove({ changes }: KeptRecord): void {
    for (const { path } of changes) this.#root.write({ path: this.backupOf(path), after: undefined })
    this.#root.write({ path: this.#path, after: undefined })
    for (const folder of [this.#folder, FOLDER]) this.#root.removeIfEmpty(folder)
  }

  get #path(): string {
    return `${this.#folder}/record.json`
  }
}

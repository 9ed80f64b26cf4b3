import { randomBytes } from 'node:crypto'
import { DamselflyError, diskError, messageOf, readIfThere, replaceFile, type Clock, type ErrorCode } from '@damselfly/shared'
import * as z from 'zod'

/** What every entry has beside what it says. */
export const entryHead = z.object({
  id: z.string().describe('Made by the supernode'),
  createdAt: z.iso.datetime(),
  expiresAt: z.iso.datetime().nullable().describe('null: until it is removed'),
})

export type EntryHead = z.output<typeof entryHead>

/** What an entry is called, and the code when there is none of an id. */
export interface EntryNoun {
  readonly name: string
  readonly missing: ErrorCode
}

/** More of them would slow down whoever looks through them, and nobody could keep an overview. */
const MOST_ENTRIES = 1000

/** Timers take no longer delays; milliseconds. */
const LONGEST_DELAY = 2 ** 31 - 1

export interface ExpiringListInit<T extends EntryHead> {
  /** Where the entries are kept over restarts, readable by the owner alone. */
  readonly file: string
  readonly schema: z.ZodType<T>
  readonly noun: EntryNoun
  readonly clock: Clock
}

/** What people made of one kind, such as rules or tokens, each until it expires or is removed; kept in a file that is always whole. */
export class ExpiringList<T extends EntryHead> {
  readonly #init: ExpiringListInit<T>
  readonly #entries = new Map<string, T>()
  readonly #listeners = new Set<() => void>()
  #writing: Promise<void> = Promise.resolve()
  #cancelExpiry: () => void = () => undefined

  constructor(init: ExpiringListInit<T>) {
    this.#init = init
  }

  /** @throws DamselflyError CONFIG_INVALID when somebody spoiled the file; DISK_DENIED, DISK_FAILED */
  async load(): Promise<void> {
    const { file, schema, clock } = this.#init
    const text = await readIfThere(file).catch((error: unknown) => {
      throw diskError(error, `read ${file}`)
    })
    if (text === undefined) return
    try {
      const entries = z.array(schema).max(MOST_ENTRIES).parse(JSON.parse(text))
      for (const entry of entries) if (!isOver(entry, clock)) this.#entries.set(entry.id, entry)
    } catch (error) {
      throw new DamselflyError('CONFIG_INVALID', `${file} does not hold ${this.#init.noun.name}s: ${messageOf(error)}; correct or delete it`, { cause: error })
    }
    this.#planExpiry()
  }

  /** Undefined also for one that has expired. */
  get(id: string): T | undefined {
    const entry = this.#entries.get(id)
    return entry === undefined || isOver(entry, this.#init.clock) ? undefined : entry
  }

  list(): readonly T[] {
    return [...this.#entries.values()]
  }

  /** Called after every change, also by expiry. */
  onChange(listener: () => void): void {
    this.#listeners.add(listener)
  }

  /** Holds when it returns, and is kept. @throws DamselflyError USAGE when there are too many; as the disk fails */
  async add(entry: Omit<T, 'id' | 'createdAt'>): Promise<T> {
    if (this.#entries.size >= MOST_ENTRIES) throw new DamselflyError('USAGE', `there are ${MOST_ENTRIES} ${this.#init.noun.name}s already: remove some`)
    const createdAt = new Date(this.#init.clock.wallTime()).toISOString()
    const made = this.#init.schema.parse({ ...entry, id: randomBytes(6).toString('hex'), createdAt })
    if (isOver(made, this.#init.clock)) throw new DamselflyError('USAGE', `the ${this.#init.noun.name} would be over already`)
    this.#entries.set(made.id, made)
    try {
      await this.#save()
    } catch (error) {
      this.#entries.delete(made.id)
      throw error
    }
    this.#changed()
    return made
  }

  /** @throws DamselflyError as the noun says, where there is none; as the disk fails */
  async remove(id: string): Promise<void> {
    const entry = this.#entries.get(id)
    if (entry === undefined) throw new DamselflyError(this.#init.noun.missing, `there is no ${this.#init.noun.name} ${id}`)
    this.#entries.delete(id)
    try {
      await this.#save()
    } catch (error) {
      this.#entries.set(id, entry)
      throw error
    }
    this.#changed()
  }

  /** Puts another version in place of one that is there; nobody is told. @throws as the disk fails; then it holds until the end of the program */
  async amend(entry: T): Promise<void> {
    if (!this.#entries.has(entry.id)) return
    this.#entries.set(entry.id, entry)
    await this.#save()
  }

  /** Resolves when everything is written. */
  async stop(): Promise<void> {
    this.#cancelExpiry()
    this.#listeners.clear()
    await this.#writing
  }

  #changed(): void {
    this.#planExpiry()
    for (const listener of this.#listeners) listener()
  }

  #planExpiry(): void {
    const { clock } = this.#init
    this.#cancelExpiry()
    const ends = [...this.#entries.values()].flatMap(({ expiresAt }) => (expiresAt === null ? [] : [Date.parse(expiresAt)]))
    if (ends.length === 0) return
    const delay = Math.min(LONGEST_DELAY, Math.max(1, Math.min(...ends) - clock.wallTime()))
    this.#cancelExpiry = clock.after(delay, () => this.#expire())
  }

  /** What is over is left out when the file is written next; a start passes it over. */
  #expire(): void {
    for (const entry of this.#entries.values()) if (isOver(entry, this.#init.clock)) this.#entries.delete(entry.id)
    this.#changed()
  }

  /** One write at a time. */
  #save(): Promise<void> {
    const { file } = this.#init
    const saved = this.#writing.then(async () => replaceFile(file, `${JSON.stringify(this.list(), undefined, 2)}\n`))
    this.#writing = saved.catch(() => undefined)
    return saved
  }
}

function isOver({ expiresAt }: EntryHead, clock: Clock): boolean {
  return expiresAt !== null && Date.parse(expiresAt) <= clock.wallTime()
}

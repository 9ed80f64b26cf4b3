import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { DamselflyError, diskError, messageOf, replaceFile, systemCode, type Clock, type ErrorCode } from '@damselfly/shared'
import * as z from 'zod'

/** What every rule that people make has beside what it says. */
export const ruleHead = z.object({
  id: z.string().describe('Made by the supernode'),
  reason: z.string().max(300).default('').describe('Shown to whom the rule concerns'),
  createdAt: z.iso.datetime(),
  expiresAt: z.iso.datetime().nullable().describe('null: until it is removed'),
})

export type RuleHead = z.output<typeof ruleHead>

/** More of them would slow every registration down, and nobody could keep an overview. */
const MOST_RULES = 1000

/** Timers take no longer delays; milliseconds. */
const LONGEST_DELAY = 2 ** 31 - 1

export interface RuleStoreInit<T extends RuleHead> {
  /** Where the rules are kept over restarts, readable by the owner alone. */
  readonly file: string
  readonly schema: z.ZodType<T>
  /** What one of them is called, and the code when there is none of an id. @default a rule */
  readonly noun?: { readonly name: string; readonly missing: ErrorCode }
  readonly clock: Clock
}

const RULE = { name: 'rule', missing: 'RULE_NOT_FOUND' } as const

/** Rules of one kind that people made, each until it expires or is removed; kept in a file that is always whole. */
export class RuleStore<T extends RuleHead> {
  readonly #init: RuleStoreInit<T>
  readonly #rules = new Map<string, T>()
  readonly #listeners = new Set<() => void>()
  #writing: Promise<void> = Promise.resolve()
  #cancelExpiry: () => void = () => undefined

  constructor(init: RuleStoreInit<T>) {
    this.#init = init
  }

  /** @throws DamselflyError CONFIG_INVALID when somebody spoiled the file; DISK_DENIED, DISK_FAILED */
  async load(): Promise<void> {
    const { file, schema, clock } = this.#init
    let text: string
    try {
      text = await readFile(file, 'utf8')
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return
      throw diskError(error, `read ${file}`)
    }
    try {
      const rules = z.array(schema).max(MOST_RULES).parse(JSON.parse(text))
      for (const rule of rules) if (!isOver(rule, clock)) this.#rules.set(rule.id, rule)
    } catch (error) {
      throw new DamselflyError('CONFIG_INVALID', `${file} does not hold ${this.#noun.name}s: ${messageOf(error)}; correct or delete it`, { cause: error })
    }
    this.#planExpiry()
  }

  get #noun(): NonNullable<RuleStoreInit<T>['noun']> {
    return this.#init.noun ?? RULE
  }

  /** Undefined also for one that has expired. */
  get(id: string): T | undefined {
    const rule = this.#rules.get(id)
    return rule === undefined || isOver(rule, this.#init.clock) ? undefined : rule
  }

  list(): readonly T[] {
    return [...this.#rules.values()]
  }

  /** Called after every change, also by expiry. */
  onChange(listener: () => void): void {
    this.#listeners.add(listener)
  }

  /** Holds when it returns, and is kept. @throws DamselflyError USAGE when there are too many; as the disk fails */
  async add(rule: Omit<T, 'id' | 'createdAt'>): Promise<T> {
    if (this.#rules.size >= MOST_RULES) throw new DamselflyError('USAGE', `there are ${MOST_RULES} ${this.#noun.name}s already: remove some`)
    const createdAt = new Date(this.#init.clock.wallTime()).toISOString()
    const made = this.#init.schema.parse({ ...rule, id: randomBytes(6).toString('hex'), createdAt })
    if (isOver(made, this.#init.clock)) throw new DamselflyError('USAGE', `the ${this.#noun.name} would be over already`)
    this.#rules.set(made.id, made)
    try {
      await this.#save()
    } catch (error) {
      this.#rules.delete(made.id)
      throw error
    }
    this.#changed()
    return made
  }

  /** @throws DamselflyError RULE_NOT_FOUND; as the disk fails */
  async remove(id: string): Promise<void> {
    const rule = this.#rules.get(id)
    if (rule === undefined) throw new DamselflyError(this.#noun.missing, `there is no ${this.#noun.name} ${id}`)
    this.#rules.delete(id)
    try {
      await this.#save()
    } catch (error) {
      this.#rules.set(id, rule)
      throw error
    }
    this.#changed()
  }

  /** Puts another version in place of one that is there; nobody is told. @throws as the disk fails; then it holds until the end of the program */
  async amend(rule: T): Promise<void> {
    if (!this.#rules.has(rule.id)) return
    this.#rules.set(rule.id, rule)
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
    const ends = [...this.#rules.values()].flatMap(({ expiresAt }) => (expiresAt === null ? [] : [Date.parse(expiresAt)]))
    if (ends.length === 0) return
    const delay = Math.min(LONGEST_DELAY, Math.max(1, Math.min(...ends) - clock.wallTime()))
    this.#cancelExpiry = clock.after(delay, () => this.#expire())
  }

  /** What is over is left out when the file is written next; a start passes it over. */
  #expire(): void {
    for (const rule of this.#rules.values()) if (isOver(rule, this.#init.clock)) this.#rules.delete(rule.id)
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

function isOver({ expiresAt }: RuleHead, clock: Clock): boolean {
  return expiresAt !== null && Date.parse(expiresAt) <= clock.wallTime()
}

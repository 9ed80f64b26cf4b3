import { appendFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { messageOf, readIfThere, type Clock } from '@damselfly/shared'
import type { Logger } from '@damselfly/shared/logging'
import * as z from 'zod'

/** When the file has so many bytes it becomes the old one, and the old one goes. */
const MAX_FILE_BYTES = 4 * 1024 * 1024

/** Entries that can be listed; older ones are in the files alone. */
const LISTED = 5000

export const auditEntry = z.object({
  number: z.number().describe('Grows from entry to entry'),
  at: z.iso.datetime(),
  who: z.string(),
  role: z.string(),
  address: z.string().describe('Where it came from'),
  action: z.string().describe('Method and route'),
  target: z.string().describe('The id that the route was asked for; empty: none'),
  given: z.record(z.string(), z.unknown()).describe('What was asked for, without URLs, headers and whatever else may hold secrets'),
  status: z.number().describe('Of the answer'),
  code: z.string().nullable().describe('Why it was refused or failed'),
})
export type AuditEntry = z.output<typeof auditEntry>

/** Which entries are wanted; those of a field that is undefined all are. */
export interface AuditFilter {
  /** Numbers below this one. */
  readonly before?: number | undefined
  /** A part of the caller's name. */
  readonly who?: string | undefined
  readonly address?: string | undefined
  /** A part of the method and route, whatever its case. */
  readonly action?: string | undefined
  readonly target?: string | undefined
  /** Milliseconds since 1970. */
  readonly since?: number | undefined
  readonly until?: number | undefined
  /** Only those that were refused or failed. */
  readonly failed?: boolean | undefined
}

export interface AuditLogInit {
  readonly dataDir: string
  /** Of its files: `NAME.jsonl` and `NAME.old.jsonl`. @default audit */
  readonly name?: string
  readonly clock: Clock
  readonly logger: Logger
}

/** What happened at the management API, in two files of bounded size. */
export class AuditLog {
  readonly #init: AuditLogInit
  readonly #file: string
  readonly #old: string
  #entries: AuditEntry[] = []
  #next = 1
  #bytes = 0
  #writing: Promise<void> = Promise.resolve()

  constructor(init: AuditLogInit) {
    this.#init = init
    const { dataDir, name = 'audit' } = init
    this.#file = join(dataDir, `${name}.jsonl`)
    this.#old = join(dataDir, `${name}.old.jsonl`)
  }

  /** Lines that cannot be read, such as the half one of a crash, are passed over. */
  async load(): Promise<void> {
    const [old = '', text = ''] = await Promise.all([readIfThere(this.#old), readIfThere(this.#file)])
    this.#entries = [old, text].flatMap((lines) => lines.split('\n').flatMap(readLine)).slice(-LISTED)
    this.#next = (this.#entries.at(-1)?.number ?? 0) + 1
    this.#bytes = Buffer.byteLength(text)
    // So that a half line does not spoil the next one.
    if (text !== '' && !text.endsWith('\n')) await this.#append('\n')
  }

  /** Resolves when it is on the disk, or when that failed, which the log of the program tells. */
  async record(entry: Omit<AuditEntry, 'number' | 'at'>): Promise<void> {
    const made: AuditEntry = { ...entry, number: this.#next++, at: new Date(this.#init.clock.wallTime()).toISOString() }
    this.#entries.push(made)
    if (this.#entries.length > 2 * LISTED) this.#entries = this.#entries.slice(-LISTED)
    this.#writing = this.#writing.then(async () => this.#append(`${JSON.stringify(made)}\n`))
    await this.#writing
  }

  /** The newest first. */
  list(limit: number, filter: AuditFilter = {}): readonly AuditEntry[] {
    return this.#entries.slice(-LISTED).filter((entry) => passes(entry, filter)).slice(-limit).toReversed()
  }

  async stop(): Promise<void> {
    await this.#writing
  }

  async #append(text: string): Promise<void> {
    try {
      if (this.#bytes >= MAX_FILE_BYTES) {
        await rename(this.#file, this.#old)
        this.#bytes = 0
      }
      await appendFile(this.#file, text, { mode: 0o600 })
      this.#bytes += Buffer.byteLength(text)
    } catch (error) {
      this.#init.logger.error({ reason: messageOf(error) }, 'a change could not be written to the audit log')
    }
  }
}

function passes(entry: AuditEntry, { before, who, address, action, target, since, until, failed }: AuditFilter): boolean {
  const at = Date.parse(entry.at)
  return (
    (before === undefined || entry.number < before) &&
    (who === undefined || entry.who.includes(who)) &&
    (address === undefined || entry.address === address) &&
    (action === undefined || entry.action.toLowerCase().includes(action.toLowerCase())) &&
    (target === undefined || entry.target === target) &&
    (since === undefined || at >= since) &&
    (until === undefined || at < until) &&
    (failed !== true || entry.status >= 400)
  )
}

function readLine(line: string): AuditEntry[] {
  try {
    return [auditEntry.parse(JSON.parse(line))]
  } catch {
    return []
  }
}

import { appendFile } from 'node:fs/promises'
import { DamselflyError, diskError, readIfThere, replaceFile, type PeerId } from '@damselfly/shared'
import * as z from 'zod'

/** What was decided of one peer last. */
export const peerStanding = z.object({
  peer: z.string().describe('PeerId'),
  state: z.enum(['admitted', 'revoked']),
  at: z.iso.datetime(),
  by: z.string().describe('Who decided, or the token that the peer joined with'),
  note: z.string().describe('Why, or whose it is'),
})
export type PeerStanding = z.output<typeof peerStanding> & { readonly peer: PeerId }

/** More than any network has; bytes on the disk and in memory are some hundred for each. */
const MOST_STANDINGS = 100_000

/** Lines that say nothing any more are taken out when there are so many more than standings. */
const MOST_STALE_LINES = 10_000

/** Peers of which somebody decided something, in a file to which each decision is added. */
export class PeerStandings {
  readonly #file: string
  readonly #standings = new Map<PeerId, PeerStanding>()
  #lines = 0
  #writing: Promise<void> = Promise.resolve()

  /** @param file readable by its owner alone */
  constructor(file: string) {
    this.#file = file
  }

  /** The half line of a crash is passed over. @throws DamselflyError DISK_DENIED, DISK_FAILED, DISK_FULL */
  async load(): Promise<void> {
    const text = await this.#read()
    const lines = text.split('\n').filter((line) => line !== '')
    for (const standing of lines.flatMap(readLine)) this.#standings.set(standing.peer, standing)
    this.#lines = lines.length
    const isUntidy = text !== '' && (!text.endsWith('\n') || lines.length > this.#standings.size)
    if (isUntidy) await this.#write(() => this.#rewrite())
  }

  get(peer: PeerId): PeerStanding | undefined {
    return this.#standings.get(peer)
  }

  list(): Iterable<PeerStanding> {
    return this.#standings.values()
  }

  /** Holds when it is called. @returns resolves when it is on the disk. @throws DamselflyError USAGE when there are too many; as the disk fails */
  async set(standing: PeerStanding): Promise<void> {
    if (!this.#standings.has(standing.peer) && this.#standings.size >= MOST_STANDINGS) {
      throw new DamselflyError('USAGE', `${MOST_STANDINGS} peers are known already`)
    }
    this.#standings.set(standing.peer, standing)
    await this.#write(() => this.#append(standing))
  }

  /** Resolves when everything is written. */
  async stop(): Promise<void> {
    await this.#writing
  }

  /** One write at a time. */
  #write(work: () => Promise<void>): Promise<void> {
    const written = this.#writing.then(work).catch((error: unknown) => {
      throw diskError(error, `write ${this.#file}`)
    })
    this.#writing = written.catch(() => undefined)
    return written
  }

  async #append(standing: PeerStanding): Promise<void> {
    if (this.#lines > this.#standings.size + MOST_STALE_LINES) return this.#rewrite()
    await appendFile(this.#file, lineOf(standing), { mode: 0o600, flush: true })
    this.#lines++
  }

  async #rewrite(): Promise<void> {
    await replaceFile(this.#file, [...this.#standings.values()].map(lineOf).join(''))
    this.#lines = this.#standings.size
  }

  async #read(): Promise<string> {
    const text = await readIfThere(this.#file).catch((error: unknown) => {
      throw diskError(error, `read ${this.#file}`)
    })
    return text ?? ''
  }
}

function lineOf(standing: PeerStanding): string {
  return `${JSON.stringify(standing)}\n`
}

function readLine(line: string): PeerStanding[] {
  try {
    return [peerStanding.parse(JSON.parse(line)) as PeerStanding]
  } catch {
    return []
  }
}

import { createHash, randomBytes } from 'node:crypto'
import { DamselflyError, errorFromWire, messageOf, type Clock, type HeaderMap, type PeerId, type TaskId } from '@damselfly/shared'
import type { Logger } from '@damselfly/shared/logging'
import type { PreheatReport } from '@damselfly/shared/wire'
import { PREHEAT_TOKEN, specToWire } from '@damselfly/exchange'
import type { SupernodeNews } from '../control/outbox.ts'
import type { BringListener } from './bring-content.ts'
import { credentialsOf, identityOf, newContent, specOf, type ContentRequest } from './content-spec.ts'
import { PREHEAT_LIMITS } from './limits.ts'
import type { Candidate } from './peer-choice.ts'
import type { PreheatFiles } from './preheat-files.ts'
import { PreheatJob } from './preheat-job.ts'
import { isOver, type PreheatRecord, type Scope } from './preheat-record.ts'
import { PreheatRun, type PreheatPorts } from './preheat-run.ts'

/** Progress is kept no more often; milliseconds. */
const SAVE_INTERVAL = 2000

export interface PreheatSettings {
  /** Preheats that are carried out at once; the others wait. */
  readonly jobsAtOnce: number
  /** Contents that the CDN fetches at once for one of them. */
  readonly contentsAtOnce: number
  /** How long one that is over is remembered; milliseconds. */
  readonly keepFor: number
}

/** What somebody asks for. */
export interface PreheatRequest {
  readonly key: string | undefined
  readonly scope: Scope
  readonly count: number
  readonly location: string
  readonly contents: readonly ContentRequest[]
}

/** What the CDN says of the version of a content that it has. */
export interface KnownVersion {
  readonly contentLength: number | undefined
  readonly etag: string
  readonly lastModified: string
}

export interface PreheatsDeps {
  readonly settings: PreheatSettings
  readonly files: PreheatFiles
  readonly candidates: () => readonly Candidate[]
  readonly bring: PreheatPorts['bring']
  readonly version: (taskId: TaskId) => KnownVersion | undefined
  readonly send: (peer: PeerId, news: SupernodeNews) => void
  /** Told of each target that comes to its end. */
  readonly ended: (result: string, bytes: number) => void
  readonly clock: Clock
  readonly logger: Logger
}

/** One content that one peer was asked for. */
interface Asked {
  readonly id: number
  readonly run: PreheatRun
  readonly content: number
  readonly peer: PeerId
  readonly token: string
}

/** All preheats: those under way and those that are over, kept over restarts. */
export class Preheats {
  readonly #deps: PreheatsDeps
  /** In the order in which they were asked for. */
  readonly #records = new Map<string, PreheatRecord>()
  readonly #runs = new Map<string, PreheatRun>()
  readonly #asked = new Map<number, Asked>()
  readonly #tokens = new Map<string, Asked>()
  readonly #unsaved = new Set<PreheatRecord>()
  #nextId = 1
  #cancelSave: (() => void) | undefined
  #isStarted = false

  constructor(deps: PreheatsDeps) {
    this.#deps = deps
  }

  /** Reads what an earlier run has left. @throws DamselflyError DISK_DENIED, DISK_FULL, DISK_FAILED */
  async load(): Promise<void> {
    const records = await this.#deps.files.load()
    for (const record of records.toSorted((a, b) => a.createdAt - b.createdAt)) this.#records.set(record.id, record)
  }

  /** Goes on with those that are not over. */
  start(): void {
    this.#isStarted = true
    this.#startNext(true)
  }

  /** Stops them without ending them. Idempotent. */
  async stop(): Promise<void> {
    this.#isStarted = false
    await Promise.all([...this.#runs.values()].map((run) => run.stop()))
    this.#runs.clear()
    await this.#saveAll()
    await this.#deps.files.stop()
  }

  /** Those that are carried out now. */
  get running(): number {
    return this.#runs.size
  }

  list(): Iterable<PreheatRecord> {
    return this.#records.values()
  }

  /** @throws DamselflyError PREHEAT_NOT_FOUND */
  get(id: string): PreheatRecord {
    const record = this.#records.get(id)
    if (record === undefined) throw new DamselflyError('PREHEAT_NOT_FOUND', `there is no preheat ${id}`)
    return record
  }

  /**
   * Kept when it returns. With a key that was used before, the same as then.
   *
   * @throws DamselflyError USAGE, URL_REFUSED, SUPERNODE_OVERLOADED; as the disk fails
   */
  async add(request: PreheatRequest): Promise<PreheatRecord> {
    const record = newRecord(request, this.#deps.clock.wallTime())
    const known = request.key === undefined ? undefined : [...this.#records.values()].find(({ key }) => key === request.key)
    if (known !== undefined) {
      if (known.fingerprint === record.fingerprint) return known
      throw new DamselflyError('USAGE', `the key '${request.key}' was used for another preheat, ${known.id}`)
    }
    await this.#forgetOld()
    if (this.#records.size >= PREHEAT_LIMITS.kept) {
      throw new DamselflyError('SUPERNODE_OVERLOADED', `${this.#records.size} preheats are kept; cancel or delete some`)
    }
    this.#records.set(record.id, record)
    try {
      await this.#deps.files.save(record)
    } catch (error) {
      this.#records.delete(record.id)
      throw error
    }
    this.#startNext(false)
    return record
  }

  /** Idempotent. @throws DamselflyError PREHEAT_NOT_FOUND; as the disk fails */
  async cancel(id: string): Promise<PreheatRecord> {
    const record = this.get(id)
    const run = this.#runs.get(id)
    if (run !== undefined) run.cancel()
    else new PreheatJob(record, 1).cancel(this.#deps.clock.wallTime())
    await this.#deps.files.save(record)
    return record
  }

  /** Cancels and forgets it. @throws DamselflyError PREHEAT_NOT_FOUND */
  async remove(id: string): Promise<void> {
    await this.cancel(id)
    this.#records.delete(id)
    await this.#deps.files.remove(id)
  }

  // --- what peers do ---

  peerJoined(peer: PeerId): void {
    for (const run of this.#runs.values()) run.peerJoined(peer)
  }

  peerLeft(peer: PeerId): void {
    for (const asked of this.#asked.values()) if (asked.peer === peer) this.#forget(asked)
    for (const run of this.#runs.values()) run.peerLeft(peer)
  }

  reported(peer: PeerId, { preheatId, done, errorCode, errorMessage, verifiedBytes }: PreheatReport): void {
    const asked = this.#asked.get(preheatId)
    // One that was cancelled meanwhile, or another peer's.
    if (asked?.peer !== peer) return
    const error = errorCode === '' ? undefined : errorFromWire(errorCode.slice(0, 64), errorMessage.slice(0, 512))
    const bytes = Number(verifiedBytes)
    if (done || error !== undefined) {
      this.#forget(asked)
      this.#deps.ended(error?.code ?? 'ok', error === undefined ? bytes : 0)
    }
    asked.run.reported(asked.content, peer, { isDone: done, error, bytes })
  }

  /** What a registration's credentials stand for: a preheat's token for those that the preheat was given. */
  credentialsFor(peer: PeerId, taskId: TaskId, given: HeaderMap): HeaderMap {
    const token = given.get(PREHEAT_TOKEN)
    if (token === undefined) return given
    const asked = this.#tokens.get(token)
    const content = asked?.peer === peer ? asked.run.content(asked.content) : undefined
    if (content !== undefined && specOf(content).taskId === taskId) return credentialsOf(content)
    return new Map([...given].filter(([name]) => name !== PREHEAT_TOKEN))
  }

  // --- carrying out ---

  #startNext(isResumed: boolean): void {
    const { settings, clock } = this.#deps
    for (const record of this.#records.values()) {
      if (!this.#isStarted || this.#runs.size >= settings.jobsAtOnce) return
      if (isOver(record) || this.#runs.has(record.id)) continue
      const job = new PreheatJob(record, settings.contentsAtOnce)
      if (isResumed) job.resume(clock.wallTime())
      const run = new PreheatRun(job, this.#ports())
      this.#runs.set(record.id, run)
      run.start()
    }
  }

  #ports(): PreheatPorts {
    const { candidates, bring, clock } = this.#deps
    return {
      candidates,
      clock,
      bring: (spec, credentials, listener: BringListener, signal) => bring(spec, credentials, listener, signal),
      ask: (run, content, peer) => this.#ask(run, content, peer),
      withdraw: (run, content, peer) => this.#withdraw(run, content, peer),
      changed: (run, isAtEnd) => this.#changed(run, isAtEnd),
    }
  }

  #ask(run: PreheatRun, content: number, peer: PeerId): void {
    const record = run.content(content)
    if (record === undefined) return
    const asked = { id: this.#nextId, run, content, peer, token: randomBytes(16).toString('base64url') }
    this.#nextId = (this.#nextId % 0xff_ff_ff_ff) + 1
    this.#asked.set(asked.id, asked)
    this.#tokens.set(asked.token, asked)
    const { contentLength, etag = '', lastModified = '' } = this.#deps.version(specOf(record).taskId) ?? {}
    const length = contentLength === undefined ? {} : { contentLength: BigInt(contentLength) }
    const value = { preheatId: asked.id, spec: specToWire(identityOf(record)), validators: { etag, lastModified }, token: asked.token, ...length }
    this.#deps.send(peer, { case: 'preheat', value })
  }

  #withdraw(run: PreheatRun, content: number, peer: PeerId): void {
    for (const asked of this.#asked.values()) {
      if (asked.run !== run || asked.content !== content || asked.peer !== peer) continue
      this.#forget(asked)
      this.#deps.send(peer, { case: 'cancelPreheat', value: { preheatId: asked.id } })
    }
  }

  #forget({ id, token }: Asked): void {
    this.#asked.delete(id)
    this.#tokens.delete(token)
  }

  #changed(run: PreheatRun, isAtEnd: boolean): void {
    const { record } = run.job
    this.#unsaved.add(record)
    if (!isAtEnd) {
      this.#cancelSave ??= this.#deps.clock.after(SAVE_INTERVAL, () => void this.#saveAll())
      return
    }
    this.#runs.delete(record.id)
    this.#deps.logger.info({ preheat: record.id, state: record.state }, 'a preheat is over')
    void this.#saveAll()
    this.#startNext(false)
  }

  async #saveAll(): Promise<void> {
    const { files, logger } = this.#deps
    this.#cancelSave?.()
    this.#cancelSave = undefined
    const records = [...this.#unsaved].filter(({ id }) => this.#records.has(id))
    this.#unsaved.clear()
    try {
      await Promise.all(records.map((record) => files.save(record)))
    } catch (error) {
      logger.warn({ reason: messageOf(error) }, 'the progress of preheats cannot be kept')
    }
  }

  /** Those that were over long ago, and the oldest when there are too many. */
  async #forgetOld(): Promise<void> {
    const { settings, clock, files } = this.#deps
    const over = [...this.#records.values()].filter(isOver)
    const since = clock.wallTime() - settings.keepFor
    const tooMany = this.#records.size - PREHEAT_LIMITS.kept + 1
    const old = over.filter(({ endedAt }, rank) => rank < tooMany || (endedAt ?? 0) < since)
    for (const { id } of old) this.#records.delete(id)
    await Promise.all(old.map(({ id }) => files.remove(id)))
  }
}

function newRecord({ key, scope, count, location, contents: asked }: PreheatRequest, now: number): PreheatRecord {
  if (asked.length > PREHEAT_LIMITS.contents) {
    throw new DamselflyError('USAGE', `${asked.length} contents are more than ${PREHEAT_LIMITS.contents} in one preheat`)
  }
  if (asked.length * count > PREHEAT_LIMITS.targets) {
    throw new DamselflyError('USAGE', `${asked.length} contents for ${count} peers are more than ${PREHEAT_LIMITS.targets} downloads`)
  }
  const contents = asked.map(newContent)
  const what = contents.map((content) => Object.assign({}, content, { credentials: [] }))
  return {
    id: randomBytes(6).toString('hex'),
    key: key ?? null,
    fingerprint: createHash('sha256').update(JSON.stringify([scope, count, location, what])).digest('hex'),
    state: 'waiting',
    createdAt: now,
    endedAt: null,
    scope,
    count,
    location,
    contents,
  }
}

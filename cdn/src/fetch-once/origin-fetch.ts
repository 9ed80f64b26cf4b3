import type { PieceStore, StoredTask } from '@damselfly/exchange'
import {
  DamselflyError,
  digestsEqual,
  formatDigest,
  isDamselflyError,
  messageOf,
  redactUrl,
  type Clock,
} from '@damselfly/shared'
import type { Logger } from '@damselfly/shared/logging'
import type { ContentSpec } from '../cdn.ts'
import type { OriginResponse } from '../source-client.ts'
import { canProveSameness, sameValidators } from '../validators.ts'
import { answers, canBeDivided, isPart, placeOf } from './answered-part.ts'
import { ContentHash } from './content-hash.ts'
import type { FetchCounters } from './fetch-counters.ts'
import { Helpers } from './helpers.ts'
import { longerThanAnnounced, longerThanTaken } from './length-errors.ts'
import type { LiveTask } from './live-task.ts'
import type { OriginReader } from './origin-reader.ts'
import { PieceSink, type Gap } from './piece-sink.ts'
import { portionSize } from './portion-size.ts'
import { portionAt, Portions, type Portion } from './portions.ts'
import type { RetrySchedule } from './retry-schedule.ts'
import { newRecord, taskLength } from './task-record.ts'

export interface FetchInit {
  readonly spec: ContentSpec
  readonly task: LiveTask
  readonly reader: OriginReader
  readonly store: PieceStore
  readonly retries: RetrySchedule
  readonly clock: Clock
  readonly logger: Logger
  readonly counters: FetchCounters
  /** The most at once. */
  readonly connections: number
  /** What the first request asks for where there may be several; bytes. */
  readonly firstPortion: number
  /** Bytes. */
  readonly maxContentLength: number
  readonly signal: AbortSignal
}

/** What is being filled. */
interface Filling {
  readonly stored: StoredTask
  /** Of the first connection. */
  readonly sink: PieceSink
  readonly portions: Portions
  /** Only where the caller named a digest of the whole. */
  readonly hash: ContentHash | undefined
  readonly release: () => void
}

/** After these nothing of what is here can be trusted to belong to the content that was asked for. */
const POISONED = new Set(['DIGEST_MISMATCH', 'ORIGIN_LONG', 'ORIGIN_CHANGED', 'CONTENT_TOO_LONG'])

/** Brings one content here, continuing what an earlier run has left. */
export class OriginFetch {
  readonly #init: FetchInit
  #filling: Filling | undefined
  #hasAnswered = false
  /** Whether the content is asked for a portion at a time, so that several connections can share it. */
  #isDivided: boolean
  /** What the first connection fetches now. */
  #portion: Portion | undefined
  #helpers: Helpers | undefined
  readonly #startedAt: number

  constructor(init: FetchInit) {
    this.#init = init
    // Where somebody reads in the middle the rest comes later, over another request.
    this.#isDivided = init.connections > 1 || init.task.wantedFrom > 0
    this.#startedAt = init.clock.now()
  }

  /** Resolves when the whole content is here. @throws DamselflyError as Cdn.obtain */
  async run(): Promise<void> {
    try {
      return await this.#runTwice()
    } catch (error) {
      await this.#stopFilling()
      if (isDamselflyError(error) && POISONED.has(error.code)) await this.#forget()
      throw error
    } finally {
      await this.#stopFilling()
    }
  }

  /** A content that changes meanwhile is fetched anew, once. */
  async #runTwice(): Promise<void> {
    try {
      await this.#resume()
      return await this.#complete()
    } catch (error) {
      if (!isDamselflyError(error, 'ORIGIN_CHANGED')) throw error
      await this.#stopFilling()
      this.#init.task.startOver(error)
      // Whoever still reads the old content keeps it from being replaced.
      await this.#delete().catch(() => Promise.reject(error))
      this.#init.counters.restarts++
      return await this.#complete()
    }
  }

  /** Takes up what an earlier run has left, if it can be shown to belong to what the origin serves now. */
  async #resume(): Promise<void> {
    const { store, spec } = this.#init
    const stored = await store.open(spec.taskId)
    if (stored === undefined) return
    if (stored.verifiedBytes === 0 || !canProveSameness(stored.record)) return store.delete(spec.taskId)
    this.#fill(stored)
    if (stored.isComplete) this.#init.task.open()
  }

  async #complete(): Promise<void> {
    const { retries } = this.#init
    while (this.#filling?.sink.isFilled !== true) {
      try {
        await this.#fillGap()
      } catch (error) {
        await retries.next(error, this.#reached, this.#hasAnswered)
        this.#init.counters.retries++
      }
    }
    await this.#helpers?.stop()
    return await this.#verify(this.#filling)
  }

  async #fillGap(): Promise<void> {
    await this.#filling?.sink.settle()
    const gap = this.#gap()
    if (gap === undefined) return await this.#helpers?.oneEnded()
    const wasDivided = this.#isDivided
    const response = await this.#ask(gap)
    if (response === undefined) return
    this.#hasAnswered = true
    this.#init.task.answered(response.terms)
    try {
      const filling = await this.#accept(response, gap)
      // One that ignores what part it is asked for brings all the rest.
      await this.#drain(response, filling, wasDivided && !this.#isDivided ? { start: gap.start, end: undefined } : gap)
    } finally {
      response.body.cancel()
    }
  }

  /** @returns undefined when the origin cannot be asked for a portion, which is known from now on */
  async #ask(gap: Gap): Promise<OriginResponse | undefined> {
    const { reader, spec } = this.#init
    const record = this.#filling?.stored.record
    const isFirstPortion = record === undefined && this.#isDivided
    try {
      const response = await reader.read(this.#rangeOf(gap), record)
      if (!isFirstPortion || !isPart(spec, response) || canBeDivided(response)) return response
      response.body.cancel()
    } catch (error) {
      // An empty content has no first byte.
      if (!isFirstPortion || spec.range !== undefined || !isDamselflyError(error, 'RANGE_UNSATISFIABLE')) throw error
    }
    this.#isDivided = false
    return undefined
  }

  /** Where the origin cannot prove that a part is of the same content, all of it is asked for and compared. */
  #gap(): Gap | undefined {
    const { task, firstPortion } = this.#init
    if (this.#filling === undefined) return this.#isDivided ? portionAt(task.wantedFrom, firstPortion) : { start: 0, end: undefined }
    const { stored, sink } = this.#filling
    if (!canProveSameness(stored.record)) return { start: 0, end: undefined }
    return this.#isDivided && stored.layout !== undefined ? this.#nextPortion(this.#filling) : sink.gap()
  }

  /** It may begin within a piece of which some bytes have come. */
  #nextPortion({ sink, portions }: Filling): Gap | undefined {
    if (this.#portion !== undefined) portions.giveBack(this.#portion)
    this.#portion = portions.take(this.#portionBytes(), this.#init.task.wantedFrom)
    if (this.#portion === undefined) return undefined
    const { start, end } = this.#portion
    const isBegun = sink.openBytes > 0 && sink.position - sink.openBytes === start
    return { start: isBegun ? sink.position : start, end }
  }

  #portionBytes(): number {
    const { clock, task } = this.#init
    const stored = this.#filling?.stored
    return portionSize({
      received: task.originBytes,
      seconds: (clock.now() - this.#startedAt) / 1000,
      connections: this.#helpers?.count ?? 1,
      left: (stored?.layout?.contentLength ?? 0) - (stored?.verifiedBytes ?? 0),
    })
  }

  /** How far the content is here; bytes. */
  get #reached(): number {
    if (this.#filling === undefined) return 0
    const { stored, sink } = this.#filling
    return this.#isDivided ? stored.verifiedBytes + sink.openBytes : sink.position
  }

  #rangeOf(gap: Gap): { readonly start: number; readonly end: number | undefined } | undefined {
    const { range } = this.#init.spec
    const start = (range?.start ?? 0) + gap.start
    const end = gap.end === undefined ? range?.end : Math.min(range?.end ?? Number.POSITIVE_INFINITY, (range?.start ?? 0) + gap.end - 1)
    return start === 0 && end === undefined ? undefined : { start, end }
  }

  async #accept(response: OriginResponse, gap: Gap): Promise<Filling> {
    const { spec } = this.#init
    const place = placeOf(spec, response)
    if (place < 0) {
      throw new DamselflyError('RANGE_UNSATISFIABLE', `${redactUrl(spec.url)} does not serve a part of its content`)
    }
    if (this.#isDivided && !(canBeDivided(response) && answers(gap, spec, response))) await this.#stopDividing()
    const length = taskLength(spec, response)
    if (length !== undefined && length > this.#init.maxContentLength) throw longerThanTaken(spec, this.#init.maxContentLength)
    const filling = this.#filling ?? (await this.#create(response, length))
    await this.#checkSame(filling.stored, response, length)
    await filling.sink.seek(place)
    filling.hash?.catchUp()
    this.#init.task.open()
    if (this.#isDivided) this.#divide(filling, gap)
    return filling
  }

  #divide({ portions }: Filling, first: Gap): void {
    const { connections, firstPortion, clock, task, counters, logger, spec } = this.#init
    this.#portion ??= portions.take(firstPortion, first.start)
    this.#helpers ??= new Helpers({
      max: connections,
      clock,
      received: () => task.originBytes,
      help: (isWanted, signal) => this.#help(isWanted, signal),
      onFailed: (error) => {
        counters.retries++
        logger.debug({ taskId: spec.taskId, reason: messageOf(error) }, 'a further connection to the origin failed')
      },
    })
  }

  /** All of the rest comes over the first connection. */
  async #stopDividing(): Promise<void> {
    this.#isDivided = false
    await this.#helpers?.stop()
  }

  /** What a further connection does. */
  async #help(isWanted: () => boolean, signal: AbortSignal): Promise<void> {
    while (this.#filling !== undefined && isWanted()) {
      const { stored, hash, portions } = this.#filling
      const portion = portions.take(this.#portionBytes(), this.#init.task.wantedFrom)
      if (portion === undefined) return
      const sink = this.#createSink(stored, hash)
      try {
        await this.#fetchPortion({ ...this.#filling, sink }, portion, signal)
      } finally {
        // Whoever fetches the rest must be able to claim it.
        await sink.close()
        portions.giveBack(portion)
      }
    }
  }

  async #fetchPortion(filling: Filling, portion: Portion, signal: AbortSignal): Promise<void> {
    const { reader, spec } = this.#init
    const response = await reader.read(this.#rangeOf(portion), filling.stored.record, signal)
    try {
      if (!answers(portion, spec, response)) {
        throw new DamselflyError('ORIGIN_STATUS', `${redactUrl(spec.url)} does not serve the part that was asked for`)
      }
      await this.#checkSame(filling.stored, response, taskLength(spec, response))
      await filling.sink.seek(portion.start)
      await this.#drain(response, filling, portion)
    } finally {
      response.body.cancel()
    }
  }

  async #create(response: OriginResponse, length: number | undefined): Promise<Filling> {
    const { spec, store, reader, clock } = this.#init
    const record = newRecord(spec, length, response.validators, reader.needsCredentials, clock.wallTime())
    const filling = this.#fill(await store.create(record))
    if (length !== undefined) this.#init.task.tellLength(length)
    return filling
  }

  /** @throws DamselflyError ORIGIN_CHANGED */
  async #checkSame(stored: StoredTask, response: OriginResponse, length: number | undefined): Promise<void> {
    const { spec, reader, task } = this.#init
    const { record } = stored
    const known = record.contentLength
    const isOther = known !== undefined && length !== undefined && known !== length
    if (isOther || sameValidators(record, response.validators) === false) {
      throw new DamselflyError('ORIGIN_CHANGED', `${redactUrl(spec.url)} has another content than before`)
    }
    if (reader.needsCredentials && !record.isPrivate) await stored.update({ isPrivate: true })
    if (known === undefined && length !== undefined) {
      await stored.update({ contentLength: length })
      task.tellLength(length)
    }
    task.hold(stored)
  }

  async #drain(response: OriginResponse, filling: Filling, gap: Gap): Promise<void> {
    const { sink, stored } = filling
    const limit = stored.record.contentLength ?? Math.min(rangeLength(this.#init.spec), this.#init.maxContentLength)
    try {
      await this.#pour(response, sink, limit)
    } catch (error) {
      // What goes wrong after the last byte does no harm, unless it is one byte more.
      if (sink.position < limit || isDamselflyError(error, 'ORIGIN_LONG') || isDamselflyError(error, 'CONTENT_TOO_LONG')) throw error
    }
    await sink.settle()
    await this.#end(filling, gap)
  }

  async #pour({ body }: OriginResponse, sink: PieceSink, limit: number): Promise<void> {
    const { spec, task, counters, maxContentLength } = this.#init
    await body.pipe((bytes) => {
      task.receive(bytes.length)
      counters.originBytes += bytes.length
      const room = limit - sink.position
      if (bytes.length <= room) return sink.write(bytes)
      if (limit === maxContentLength) throw longerThanTaken(spec, this.#init.maxContentLength)
      if (spec.range === undefined) throw longerThanAnnounced(spec, limit)
      // An origin that ignores where the range ends sends more than anybody asked for.
      body.cancel()
      return sink.write(bytes.subarray(0, room))
    })
  }

  /** The response is over; is all there that it was to bring? @throws DamselflyError ORIGIN_SHORT */
  async #end({ sink, stored }: Filling, gap: Gap): Promise<void> {
    const { contentLength } = stored.record
    if (contentLength === undefined && gap.end === undefined) {
      await sink.finish()
      this.#init.task.tellLength(sink.position)
      return
    }
    const expected = Math.min(gap.end ?? Number.POSITIVE_INFINITY, contentLength ?? Number.POSITIVE_INFINITY)
    if (sink.position >= expected) return sink.endLast()
    const message = `${redactUrl(this.#init.spec.url)} ended after ${sink.position} of ${expected} bytes`
    throw new DamselflyError('ORIGIN_SHORT', message)
  }

  async #verify({ stored, hash }: Filling): Promise<void> {
    const { url, expectedDigest } = this.#init.spec
    if (hash === undefined || expectedDigest === undefined) return
    const digest = await hash.digest(stored.layout?.pieceCount ?? 0)
    if (!digestsEqual(digest, expectedDigest)) {
      throw new DamselflyError('DIGEST_MISMATCH', `${redactUrl(url)} has ${formatDigest(digest)}, not ${formatDigest(expectedDigest)}`)
    }
    await stored.update({ contentDigest: digest })
  }

  #fill(stored: StoredTask): Filling {
    const { spec, task, signal } = this.#init
    const hash = spec.expectedDigest === undefined ? undefined : new ContentHash(stored, signal)
    task.hold(stored)
    this.#filling = { stored, sink: this.#createSink(stored, hash), portions: new Portions(stored), hash, release: stored.use() }
    return this.#filling
  }

  #createSink(stored: StoredTask, hash: ContentHash | undefined): PieceSink {
    return new PieceSink(stored, hash, (index, digest) => this.#init.task.tellPiece(index, digest))
  }

  async #stopFilling(): Promise<void> {
    await this.#helpers?.stop()
    this.#helpers = undefined
    this.#portion = undefined
    const filling = this.#filling
    this.#filling = undefined
    await filling?.sink.close()
    filling?.release()
  }

  async #delete(): Promise<void> {
    await this.#init.store.delete(this.#init.spec.taskId)
  }

  async #forget(): Promise<void> {
    try {
      await this.#delete()
    } catch (error) {
      const { store, spec, logger } = this.#init
      // Whoever still reads it keeps it; without validators the next fetch cannot take it up.
      await (await store.open(spec.taskId))?.update({ etag: '', lastModified: '' })
      logger.warn({ taskId: spec.taskId, reason: messageOf(error) }, 'a spoilt task stays for now')
    }
  }
}

function rangeLength(spec: ContentSpec): number {
  return spec.range?.end === undefined ? Number.POSITIVE_INFINITY : spec.range.end - spec.range.start + 1
}

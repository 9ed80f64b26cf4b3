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
import { ContentHash } from './content-hash.ts'
import type { FetchCounters } from './fetch-counters.ts'
import type { LiveTask } from './live-task.ts'
import type { OriginReader } from './origin-reader.ts'
import { PieceSink, type Gap } from './piece-sink.ts'
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
  readonly signal: AbortSignal
}

/** What is being filled. */
interface Filling {
  readonly stored: StoredTask
  readonly sink: PieceSink
  /** Only where the caller named a digest of the whole. */
  readonly hash: ContentHash | undefined
  readonly release: () => void
}

/** After these nothing of what is here can be trusted to belong to the content that was asked for. */
const POISONED = new Set(['DIGEST_MISMATCH', 'ORIGIN_LONG', 'ORIGIN_CHANGED'])

/** Brings one content here, continuing what an earlier run has left. */
export class OriginFetch {
  readonly #init: FetchInit
  #filling: Filling | undefined
  #hasAnswered = false

  constructor(init: FetchInit) {
    this.#init = init
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
        await retries.next(error, this.#filling?.sink.position ?? 0, this.#hasAnswered)
        this.#init.counters.retries++
      }
    }
    return await this.#verify(this.#filling)
  }

  async #fillGap(): Promise<void> {
    await this.#filling?.sink.settle()
    const gap = this.#gap()
    const record = this.#filling?.stored.record
    const response = await this.#init.reader.read(this.#rangeOf(gap), record)
    this.#hasAnswered = true
    try {
      const filling = await this.#accept(response)
      await this.#drain(response, filling, gap)
    } finally {
      response.body.cancel()
    }
  }

  /** Where the origin cannot prove that a part is of the same content, all of it is asked for and compared. */
  #gap(): Gap {
    if (this.#filling === undefined) return { start: 0, end: undefined }
    const { stored, sink } = this.#filling
    return canProveSameness(stored.record) ? sink.gap() : { start: 0, end: undefined }
  }

  #rangeOf(gap: Gap): { readonly start: number; readonly end: number | undefined } | undefined {
    const { range } = this.#init.spec
    const start = (range?.start ?? 0) + gap.start
    const end = gap.end === undefined ? range?.end : (range?.start ?? 0) + gap.end - 1
    return start === 0 && end === undefined ? undefined : { start, end }
  }

  async #accept(response: OriginResponse): Promise<Filling> {
    const { spec } = this.#init
    const place = response.start - (spec.range?.start ?? 0)
    if (place < 0) {
      throw new DamselflyError('RANGE_UNSATISFIABLE', `${redactUrl(spec.url)} does not serve a part of its content`)
    }
    const length = taskLength(spec, response)
    const filling = this.#filling ?? (await this.#create(response, length))
    await this.#checkSame(filling.stored, response, length)
    await filling.sink.seek(place)
    filling.hash?.catchUp()
    this.#init.task.open()
    return filling
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
    const limit = stored.record.contentLength ?? rangeLength(this.#init.spec)
    try {
      await this.#pour(response, sink, limit)
    } catch (error) {
      // What goes wrong after the last byte does no harm, unless it is one byte more.
      if (sink.position < limit || isDamselflyError(error, 'ORIGIN_LONG')) throw error
    }
    await sink.settle()
    await this.#end(filling, gap)
  }

  async #pour({ body }: OriginResponse, sink: PieceSink, limit: number): Promise<void> {
    const { spec, task, counters } = this.#init
    await body.pipe((bytes) => {
      task.receive(bytes.length)
      counters.originBytes += bytes.length
      const room = limit - sink.position
      if (bytes.length <= room) return sink.write(bytes)
      if (spec.range === undefined) throw tooLong(spec, limit)
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
    const expected = gap.end ?? contentLength ?? 0
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
    const sink = new PieceSink(stored, hash, (index, digest) => task.tellPiece(index, digest))
    task.hold(stored)
    this.#filling = { stored, sink, hash, release: stored.use() }
    return this.#filling
  }

  async #stopFilling(): Promise<void> {
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

function tooLong(spec: ContentSpec, limit: number): DamselflyError {
  return new DamselflyError('ORIGIN_LONG', `${redactUrl(spec.url)} sent more than the ${limit} bytes that it announced`)
}

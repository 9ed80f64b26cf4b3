import { DamselflyError, flowOf } from '@damselfly/shared'
import type { OriginBody, OriginContent, OriginPart, OriginReader } from '../../src/download/origin-reader.ts'

export interface MemoryOriginInit {
  readonly content: Uint8Array
  readonly servesRanges?: boolean
  readonly tellsLength?: boolean
  readonly etag?: string
  /** Bytes handed out at once. */
  readonly chunk?: number
}

/** An origin whose content, version and faults the test turns by hand; it counts what it gives out. */
export class MemoryOrigin implements OriginReader {
  content: Uint8Array
  etag: string
  /** Cut the next bodies after so many bytes. */
  readonly cuts: number[] = []
  /** Fail every request so. */
  outage: DamselflyError | undefined
  /** Fail the next requests so. */
  readonly failures: DamselflyError[] = []
  /** Bytes that are sent after the end. */
  surplus = 0
  /** The next bodies stop after so many bytes until then. */
  readonly pauses: { readonly after: number; readonly until: Promise<void> }[] = []
  /** Held back until it resolves. */
  gate: Promise<void> = Promise.resolve()
  bodyBytes = 0
  requests = 0
  probes = 0
  readonly #init: MemoryOriginInit

  constructor(init: MemoryOriginInit) {
    this.#init = init
    this.content = init.content
    this.etag = init.etag ?? '"v1"'
  }

  async probe(): Promise<OriginContent> {
    this.probes++
    return this.#describe()
  }

  async read(part: OriginPart, signal: AbortSignal): Promise<OriginBody> {
    this.requests++
    const failure = this.outage ?? this.failures.shift()
    if (failure !== undefined) throw failure
    await this.gate
    signal.throwIfAborted()
    const ranges = this.#init.servesRanges ?? true
    const asksRange = part.start > 0 || part.end !== undefined
    if (part.expected !== undefined && part.expected.etag !== '' && part.expected.etag !== this.etag) {
      throw new DamselflyError('ORIGIN_CHANGED', 'another entity tag')
    }
    if (ranges && asksRange && part.start >= this.content.length) throw new DamselflyError('RANGE_UNSATISFIABLE', 'past the end')
    const start = ranges ? part.start : 0
    const end = ranges ? Math.min((part.end ?? Number.MAX_SAFE_INTEGER) + 1, this.content.length) : this.content.length
    return { ...this.#describe(), start, body: flowOf(this.#body(this.content.subarray(start, end), signal)) }
  }

  #describe(): OriginContent {
    const contentLength = (this.#init.tellsLength ?? true) ? this.content.length : undefined
    return { contentLength, acceptsRanges: this.#init.servesRanges ?? true, etag: this.etag, lastModified: '' }
  }

  async *#body(bytes: Uint8Array, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const cut = this.cuts.shift() ?? Number.POSITIVE_INFINITY
    const pause = this.pauses.shift()
    let isHeld = pause !== undefined
    const chunk = this.#init.chunk ?? 64 * 1024
    for (let at = 0; at < bytes.length; at += chunk) {
      signal.throwIfAborted()
      if (isHeld && pause !== undefined && at >= pause.after) {
        await orAborted(pause.until, signal)
        isHeld = false
      }
      if (at >= cut) throw new DamselflyError('ORIGIN_SHORT', `cut after ${at} bytes`)
      const part = bytes.subarray(at, at + chunk)
      this.bodyBytes += part.length
      yield part
    }
    if (this.surplus > 0) yield new Uint8Array(this.surplus)
  }
}

async function orAborted(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  const aborted = Promise.withResolvers<never>()
  const abort = (): void => aborted.reject(signal.reason)
  signal.addEventListener('abort', abort, { once: true })
  await Promise.race([promise, aborted.promise]).finally(() => signal.removeEventListener('abort', abort))
}

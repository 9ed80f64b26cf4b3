import { DamselflyError, flowOf } from '@damselfly/shared'
import type { OriginInfo, OriginRequest, OriginResponse, SourceClient } from '@damselfly/cdn'

/** Bytes handed out at once. */
const CHUNK = 64 * 1024

/** An origin whose content, access, pace and faults the test turns by hand; it counts what it gives out. */
export class FakeSource implements SourceClient {
  readonly schemes = ['https:']
  content: Uint8Array
  etag = '"v1"'
  /** Values of `authorization` that are admitted; undefined: everybody. */
  admitted: ReadonlySet<string> | undefined
  /** Bodies stop after so many bytes until `open` is called. */
  holdAfter: number | undefined
  /** Bodies break off with it after what they hold back for. */
  failure: DamselflyError | undefined
  probes = 0
  reads = 0
  bodyBytes = 0
  /** Bodies that are being read. */
  openBodies = 0
  isClosed = false
  #gate = Promise.withResolvers<void>()
  #probeGate: Promise<void> = Promise.resolve()

  constructor(content: Uint8Array) {
    this.content = content
  }

  /** Bodies that are held back go on. */
  open(): void {
    this.holdAfter = undefined
    this.#gate.resolve()
    this.#gate = Promise.withResolvers()
  }

  /** Probes get no answer any more. */
  freezeProbes(): void {
    this.#probeGate = new Promise(() => undefined)
  }

  async probe({ headers, signal }: OriginRequest): Promise<OriginInfo> {
    this.probes++
    await orAborted(this.#probeGate, signal)
    this.#admit(headers)
    return this.#describe()
  }

  async read({ headers, range, ifMatch, signal }: OriginRequest): Promise<OriginResponse> {
    this.reads++
    signal.throwIfAborted()
    this.#admit(headers)
    if (ifMatch !== undefined && ifMatch.etag !== this.etag) throw new DamselflyError('ORIGIN_CHANGED', 'another entity tag')
    const start = range?.start ?? 0
    const end = Math.min((range?.end ?? this.content.length - 1) + 1, this.content.length)
    return { ...this.#describe(), start, bodyLength: end - start, body: flowOf(this.#body(this.content, start, end, signal)) }
  }

  async close(): Promise<void> {
    this.isClosed = true
  }

  #admit(headers: ReadonlyMap<string, string>): void {
    if (this.admitted === undefined || this.admitted.has(headers.get('authorization') ?? '')) return
    throw new DamselflyError('ORIGIN_UNAUTHORIZED', 'not for you')
  }

  #describe(): OriginInfo {
    return { contentLength: this.content.length, acceptsRanges: true, validators: { etag: this.etag, lastModified: '' } }
  }

  async *#body(content: Uint8Array, start: number, end: number, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    this.openBodies++
    try {
      for (let at = start; at < end; at += CHUNK) {
        if (this.holdAfter !== undefined && at >= this.holdAfter) await orAborted(this.#gate.promise, signal)
        if (this.failure !== undefined) throw this.failure
        const part = content.subarray(at, Math.min(end, at + CHUNK))
        this.bodyBytes += part.length
        yield part
      }
    } finally {
      this.openBodies--
    }
  }
}

async function orAborted(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted()
  const aborted = Promise.withResolvers<never>()
  const abort = (): void => aborted.reject(signal.reason)
  signal.addEventListener('abort', abort, { once: true })
  await Promise.race([promise, aborted.promise]).finally(() => signal.removeEventListener('abort', abort))
}

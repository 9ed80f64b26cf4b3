import { DamselflyError } from '@damselfly/shared'
import type { ContentRange } from '../http/range.ts'
import type { BackToSourceReason, DownloadRequest, OwnDownload, Peer } from '../peer/peer.ts'
import type { ContentSource } from './content-source.ts'

/** A content as it stands when the first of what is wanted of it is here. */
export interface BegunContent {
  /** Bytes. */
  readonly contentLength: number
  /** Whether all of it was on this disk before. */
  readonly wasHere: boolean
}

interface BegunReading {
  readonly start: number
  readonly first: IteratorResult<Uint8Array>
  /** What follows it. */
  readonly chunks: AsyncIterator<Uint8Array>
  /** Ends them. */
  readonly stop: AbortController
}

/** What is asked of the peer for a client that waits for the bytes in order. */
export function streamed({ url, headers, digest }: Pick<DownloadRequest, 'url' | 'headers' | 'digest'>): DownloadRequest {
  return {
    url,
    headers,
    filteredQueryParams: [],
    tag: '',
    application: '',
    digest,
    range: undefined,
    order: 'in-order',
    backToSource: true,
    limitRate: undefined,
    priority: 'foreground',
  }
}

/** A content that the peer downloads, from wherever it can, for as long as somebody reads it here. */
export class SwarmSource implements ContentSource {
  readonly name = 'swarm'
  readonly #peer: Peer
  readonly #request: DownloadRequest
  #download: OwnDownload | undefined
  #ahead: BegunReading | undefined
  #closing = new AbortController()
  #backToSource: BackToSourceReason | undefined

  constructor(peer: Peer, request: DownloadRequest) {
    this.#peer = peer
    this.#request = request
  }

  /** Set as soon as the peer itself has gone to the registry. */
  get backToSource(): BackToSourceReason | undefined {
    return this.#download?.progress().backToSource ?? this.#backToSource
  }

  progress(): number {
    const { verifiedBytes = 0, inFlightBytes = 0 } = this.#download?.progress() ?? {}
    return verifiedBytes + inFlightBytes
  }

  /**
   * Waits until the byte at `start` can be shown, so that what goes wrong before can still be answered otherwise.
   *
   * @throws DamselflyError as the download; the signal's reason
   */
  async begin(start: number, signal: AbortSignal): Promise<BegunContent> {
    const download = await this.#held()
    const stop = new AbortController()
    const chunks = download.content(AbortSignal.any([this.#closing.signal, stop.signal]), start)[Symbol.asyncIterator]()
    const first = await whileFollowing(signal, stop, () => chunks.next())
    this.#ahead = { start, chunks, first, stop }
    const { contentLength, bytesFrom } = download.progress()
    if (contentLength === undefined) throw new DamselflyError('ORIGIN_STATUS', 'the registry does not tell the length of a content')
    return { contentLength, wasHere: bytesFrom.held === contentLength }
  }

  async *read({ start, end }: ContentRange, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    let left = end - start + 1
    for await (const bytes of await this.#from(start, signal)) {
      yield bytes.length > left ? bytes.subarray(0, left) : bytes
      left -= bytes.length
      if (left <= 0) return
    }
  }

  async giveUp(): Promise<void> {
    const download = this.#download
    this.#backToSource = this.backToSource
    this.#download = undefined
    this.#ahead = undefined
    this.#closing.abort(new DamselflyError('CANCELLED', 'nobody reads it here any more'))
    this.#closing = new AbortController()
    await download?.release()
  }

  async #from(start: number, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
    const ahead = this.#ahead
    this.#ahead = undefined
    if (ahead?.start === start) return following(ahead, signal)
    return (await this.#held()).content(AbortSignal.any([this.#closing.signal, signal]), start)
  }

  async #held(): Promise<OwnDownload> {
    if (this.#download !== undefined) return this.#download
    const { signal } = this.#closing
    const download = await this.#peer.download(this.#request)
    if (signal.aborted) await download.release()
    signal.throwIfAborted()
    this.#download = download
    return download
  }
}

async function* following({ first, chunks, stop }: BegunReading, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  for (let next = first; next.done !== true; next = await whileFollowing(signal, stop, () => chunks.next())) yield next.value
}

/** What was begun under another signal obeys this one meanwhile. */
async function whileFollowing<T>(signal: AbortSignal, stop: AbortController, work: () => Promise<T>): Promise<T> {
  const abort = (): void => stop.abort(signal.reason)
  signal.throwIfAborted()
  signal.addEventListener('abort', abort, { once: true })
  try {
    return await work()
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

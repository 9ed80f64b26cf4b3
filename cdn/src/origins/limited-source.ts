import { RateLimiter, type ByteFlow, type ByteSink, type Clock, type RateFlow } from '@damselfly/shared'
import type { ListedContent, ListRequest, OriginInfo, OriginRequest, OriginResponse, SourceClient } from '../source-client.ts'
import { DEFAULT_ORIGIN_LIMITS, type OriginLimits } from './limits.ts'
import { OriginPauses } from './origin-pauses.ts'
import { OriginTurns } from './origin-turns.ts'

export interface LimitedSourceInit {
  /** Of any kind; closed with this one. */
  readonly source: SourceClient
  readonly limits?: Partial<OriginLimits> | undefined
  readonly clock: Clock
}

/** What passes between this host and its origins, for metrics. */
export interface OriginTraffic {
  readonly requests: number
  /** Requests that were not made because the origin wants to be left alone. */
  readonly refused: number
  /** Times that an origin asked for that. */
  readonly pauses: number
  /** Requests that wait for others to end. */
  readonly waiting: number
}

/** The source client, and what it has done so far. */
export interface LimitedSource extends SourceClient {
  traffic(): OriginTraffic
}

/** Of the turns for reading there is one for asking to so many, so that downloads never hold up the questions. */
const READS_PER_PROBE = 4

/** Keeps to limits towards origins: how many requests at once, how many bytes per second, and pauses that they ask for. */
export function limitOrigins(init: LimitedSourceInit): LimitedSource {
  return new LimitingSource(init)
}

class LimitingSource implements LimitedSource {
  readonly #source: SourceClient
  readonly #reads: OriginTurns
  readonly #probes: OriginTurns
  readonly #pauses: OriginPauses
  readonly #rates: RateLimiter
  #requests = 0
  #refused = 0
  #paused = 0

  constructor({ source, limits, clock }: LimitedSourceInit) {
    const all = { ...DEFAULT_ORIGIN_LIMITS, ...limits }
    const { connections, connectionsPerOrigin, rate, ratePerOrigin } = all
    this.#source = source
    this.#reads = new OriginTurns(connections, connectionsPerOrigin)
    this.#probes = new OriginTurns(Math.ceil(connections / READS_PER_PROBE), Math.ceil(connectionsPerOrigin / READS_PER_PROBE))
    this.#pauses = new OriginPauses(all, clock)
    this.#rates = new RateLimiter({ host: rate, perTask: 0, perPeer: ratePerOrigin }, clock)
  }

  get schemes(): readonly string[] {
    return this.#source.schemes
  }

  async probe(request: OriginRequest): Promise<OriginInfo> {
    const end = await this.#begin(this.#probes, request)
    try {
      return await this.#ask(request, () => this.#source.probe(request))
    } finally {
      end()
    }
  }

  async read(request: OriginRequest): Promise<OriginResponse> {
    const end = await this.#begin(this.#reads, request)
    try {
      const response = await this.#ask(request, () => this.#source.read(request))
      const flow = this.#rates.flow({ task: request.url, peer: originKey(request.url) })
      return { ...response, body: new LimitedBody(response.body, flow, request.signal, end) }
    } catch (error) {
      end()
      throw error
    }
  }

  async *list(request: ListRequest): AsyncIterable<ListedContent> {
    this.#check(originKey(request.url))
    yield* this.#source.list?.(request) ?? []
  }

  traffic(): OriginTraffic {
    const waiting = this.#reads.waiting + this.#probes.waiting
    return { requests: this.#requests, refused: this.#refused, pauses: this.#paused, waiting }
  }

  async close(): Promise<void> {
    await this.#source.close()
  }

  async #begin(turns: OriginTurns, { url, signal, by }: OriginRequest): Promise<() => void> {
    const origin = originKey(url)
    this.#check(origin)
    const end = await turns.begin(origin, signal, by)
    try {
      // The origin may have asked for a pause meanwhile.
      this.#check(origin)
      return end
    } catch (error) {
      end()
      throw error
    }
  }

  #check(origin: string): void {
    try {
      this.#pauses.check(origin)
    } catch (error) {
      this.#refused++
      throw error
    }
  }

  async #ask<T>({ url }: OriginRequest, request: () => Promise<T>): Promise<T> {
    const origin = originKey(url)
    this.#requests++
    try {
      const answer = await request()
      this.#pauses.answered(origin)
      return answer
    } catch (error) {
      if (this.#pauses.failed(origin, error)) this.#paused++
      throw error
    }
  }
}

/** Scheme, host and port; what has none is an origin of its own. */
function originKey(url: string): string {
  const parsed = URL.parse(url)
  return parsed === null ? url : `${parsed.protocol}//${parsed.host}`
}

/** A body that takes its part of the rates, and gives its turn back at its end. */
class LimitedBody implements ByteFlow {
  readonly #body: ByteFlow
  readonly #flow: RateFlow
  readonly #signal: AbortSignal
  readonly #end: () => void

  constructor(body: ByteFlow, flow: RateFlow, signal: AbortSignal, end: () => void) {
    this.#body = body
    this.#flow = flow
    this.#signal = signal
    this.#end = end
  }

  async pipe(sink: ByteSink): Promise<void> {
    try {
      await this.#body.pipe((bytes) => (this.#flow.unlimited ? sink(bytes) : this.#paced(bytes, sink)))
    } finally {
      this.#end()
    }
  }

  cancel(): void {
    this.#body.cancel()
    this.#end()
  }

  /** What has come is handed on at once; what is to come waits for it. */
  async #paced(bytes: Uint8Array, sink: ByteSink): Promise<void> {
    const { length } = bytes
    const ends = await Promise.allSettled([sink(bytes), this.#flow.take(length, this.#signal)])
    for (const end of ends) if (end.status === 'rejected') throw end.reason
  }
}

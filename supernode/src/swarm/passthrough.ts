import { createHash } from 'node:crypto'
import { DamselflyError, digestsEqual, isDamselflyError, pieceSizeFor, type HeaderMap, type PieceRange, type Sha256 } from '@damselfly/shared'
import { canProveSameness, DEFAULT_CDN_LIMITS, type CdnLimits, type ContentSpec, type OriginInfo, type OriginValidators, type SourceClient } from '@damselfly/cdn'

/** What an origin says of a content that its callers are to fetch piece by piece. */
export interface Overview {
  /** Of the task, which may be a part of what the URL serves; bytes. */
  readonly contentLength: number
  readonly pieceSize: number
  readonly validators: OriginValidators
  /** The origin refuses it to anonymous callers. */
  readonly isPrivate: boolean
  /** How long the origin need not be asked again; milliseconds. */
  readonly freshForMs: number
}

/** How long an origin's word counts, as where contents are cached. */
export type PassthroughLimits = Pick<CdnLimits, 'freshForMs' | 'maxFreshMs'>

/** Looks at origins whose contents this supernode never keeps: peers fetch the pieces, each some of them. */
export class Passthrough {
  readonly #sources: SourceClient
  readonly #limits: PassthroughLimits

  constructor(sources: SourceClient, limits: Partial<PassthroughLimits> = {}) {
    this.#sources = sources
    this.#limits = { ...DEFAULT_CDN_LIMITS, ...limits }
  }

  /**
   * Asks the origin about a content, without its body.
   *
   * @returns undefined where pieces of it cannot be asked for, or not be known to belong together
   * @throws as SourceClient.probe
   */
  async look(spec: ContentSpec, credentials: HeaderMap, signal: AbortSignal): Promise<Overview | undefined> {
    const { info, isPrivate } = await this.#probe(spec, credentials, signal)
    const { contentLength: total, acceptsRanges, validators } = info
    if (total === undefined || !acceptsRanges || !canProveSameness(validators)) return undefined
    const { start = 0, end = total - 1 } = spec.range ?? {}
    if (start >= total) throw new DamselflyError('RANGE_UNSATISFIABLE', `the content has ${total} bytes`)
    const contentLength = Math.min(total, end + 1) - start
    return { contentLength, pieceSize: pieceSizeFor(contentLength), validators, isPrivate, freshForMs: this.#lastsFor(info) }
  }

  #lastsFor({ terms }: OriginInfo): number {
    const { freshForMs, maxFreshMs } = this.#limits
    return Math.min(terms?.freshForMs ?? freshForMs, maxFreshMs)
  }

  /**
   * Reads a piece from the origin, keeping nothing of it.
   *
   * @returns whether it has the digest; undefined when the origin does not tell now
   */
  async confirms(spec: ContentSpec, validators: OriginValidators, piece: PieceRange, digest: Sha256, signal: AbortSignal): Promise<boolean | undefined> {
    const start = (spec.range?.start ?? 0) + piece.offset
    const range = { start, end: start + piece.length - 1 }
    try {
      const response = await this.#sources.read({ url: spec.url, headers: spec.variantHeaders, range, ifMatch: validators, signal })
      if (response.start !== start || response.bodyLength !== piece.length) {
        response.body.cancel()
        return undefined
      }
      const hash = createHash('sha256')
      await response.body.pipe((bytes) => void hash.update(bytes))
      return digestsEqual(hash.digest(), digest)
    } catch (error) {
      if (isDamselflyError(error)) return undefined
      throw error
    }
  }

  async #probe(spec: ContentSpec, credentials: HeaderMap, signal: AbortSignal): Promise<{ readonly info: OriginInfo; readonly isPrivate: boolean }> {
    const { url, variantHeaders } = spec
    try {
      return { info: await this.#sources.probe({ url, headers: variantHeaders, signal }), isPrivate: false }
    } catch (error) {
      const mayHelp = isDamselflyError(error, 'ORIGIN_UNAUTHORIZED') || isDamselflyError(error, 'ORIGIN_NOT_FOUND')
      if (credentials.size === 0 || !mayHelp) throw error
    }
    return { info: await this.#sources.probe({ url, headers: new Map([...variantHeaders, ...credentials]), signal }), isPrivate: true }
  }
}

import { createMemory } from '@damselfly/cdn'
import { formatDigest, messageOf, parseDigest, type Clock, type Sha256 } from '@damselfly/shared'
import type { Logger } from '@damselfly/shared/logging'
import { LRUCache } from 'lru-cache'
import * as z from 'zod'
import type { Peer } from '../peer/peer.ts'
import { AheadDownload } from './ahead-download.ts'
import type { WantedContent } from './opened-content.ts'
import { streamed } from './swarm-source.ts'

export interface ReadAheadInit {
  readonly peer: Pick<Peer, 'download'>
  /** How many layers behind the one that is asked for; 0: none. */
  readonly layers: number
  readonly clock: Clock
  readonly logger: Logger
}

/** A layer, and where its registry has it. */
type Layer = Pick<WantedContent, 'url' | 'digest'>

/** Of all images together; whoever pulls one has asked for its manifest moments ago. */
const MOST_LAYERS = 4096

/** How long a layer that was fetched ahead counts as one that its client lacks; milliseconds. */
const MEMORY = 300_000

const image = z.object({ layers: z.array(z.object({ digest: z.string() })).max(MOST_LAYERS) })

const YES = {}

/**
 * Fetches the layers of an image that come next while a client takes one, since tools that take them one after the other would
 * wait for the beginning of each. Layers that a client skips because it has them are the first ones as a rule, and nothing is
 * fetched that comes before what it asks for.
 */
export class ReadAhead {
  readonly #init: ReadAheadInit
  /** By the URL of a layer, those behind it in its image. */
  readonly #behind = new LRUCache<string, readonly Layer[]>({ max: MOST_LAYERS })
  readonly #running = new Map<string, AheadDownload>()
  readonly #fetched

  constructor(init: ReadAheadInit) {
    this.#init = init
    this.#fetched = createMemory<typeof YES>(MOST_LAYERS, MEMORY, init.clock)
  }

  /** A client has got this manifest. @param bytes checked against its digest; may be an index or anything else */
  learn({ url }: Pick<WantedContent, 'url'>, bytes: Uint8Array): void {
    const { layers: most } = this.#init
    const layers = most === 0 ? [] : layersIn(bytes).map((digest) => ({ url: `${repositoryOf(url)}@${formatDigest(digest)}`, digest }))
    for (const [i, layer] of layers.entries()) this.#behind.set(layer.url, layers.slice(i + 1, i + 1 + most))
  }

  /**
   * A client is being given this, and holds it.
   *
   * @param wasHere whether it was on this disk already: then so is what follows, unless it was fetched ahead
   * @returns to be called when the client has got it, or has gone away
   */
  follow(asked: WantedContent, wasHere: boolean): (isSatisfied: boolean) => void {
    const isLacking = !wasHere || this.#fetched.has(asked.url)
    this.#running.get(asked.url)?.end()
    const behind = isLacking ? (this.#behind.get(asked.url) ?? []).flatMap((layer) => this.#ahead({ ...asked, ...layer })) : []
    for (const download of behind) download.join()
    return (isSatisfied) => behind.forEach((download) => download.leave(isSatisfied))
  }

  stop(): void {
    for (const download of this.#running.values()) download.end()
  }

  #ahead(layer: WantedContent): readonly AheadDownload[] {
    const { url } = layer
    const running = this.#running.get(url)
    if (running !== undefined) return [running]
    if (this.#fetched.has(url)) return []
    this.#fetched.set(url, YES)
    const { peer, clock, logger } = this.#init
    const download = new AheadDownload({
      begun: peer.download({ ...streamed(layer), priority: 'background' }),
      clock,
      onEnd: (error) => {
        this.#running.delete(url)
        if (error === undefined) return
        // Whoever asks for it itself hears of what is wrong.
        this.#fetched.delete(url)
        logger.debug({ url, error: messageOf(error) }, 'a layer was not fetched ahead')
      },
    })
    this.#running.set(url, download)
    return [download]
  }
}

function repositoryOf(url: string): string {
  return url.slice(0, url.lastIndexOf('@'))
}

function layersIn(bytes: Uint8Array): readonly Sha256[] {
  const read = image.safeParse(jsonOf(bytes))
  return read.success ? read.data.layers.flatMap(({ digest }) => parseDigest(digest) ?? []) : []
}

function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'))
  } catch {
    return undefined
  }
}

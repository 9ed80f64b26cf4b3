import type { PeerId } from '@damselfly/shared'

interface Places {
  taken: number
  readonly waiting: Set<() => void>
}

/** Contents that are fetched for each peer at once: whoever has as many as it may waits until one of them has come. */
export class FetchPlaces {
  readonly #most: number
  readonly #places = new Map<PeerId, Places>()

  /** @param most of one peer */
  constructor(most: number) {
    this.#most = most
  }

  /** @returns what gives the place back; idempotent @throws the signal's reason */
  async take(peer: PeerId, signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted()
    const places = this.#of(peer)
    if (places.taken < this.#most) places.taken++
    else await wait(places.waiting, signal)
    let isTaken = true
    return () => {
      if (!isTaken) return
      isTaken = false
      this.#giveBack(peer, places)
    }
  }

  #giveBack(peer: PeerId, places: Places): void {
    const [next] = places.waiting
    if (next !== undefined) {
      places.waiting.delete(next)
      return next()
    }
    places.taken--
    if (places.taken === 0) this.#places.delete(peer)
  }

  #of(peer: PeerId): Places {
    let places = this.#places.get(peer)
    if (places === undefined) this.#places.set(peer, (places = { taken: 0, waiting: new Set() }))
    return places
  }
}

/** Resolves when it is called for, and has left by then. */
function wait(waiting: Set<() => void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const enter = (): void => {
      signal.removeEventListener('abort', leave)
      resolve()
    }
    const leave = (): void => {
      waiting.delete(enter)
      reject(signal.reason as Error)
    }
    waiting.add(enter)
    signal.addEventListener('abort', leave, { once: true })
  })
}

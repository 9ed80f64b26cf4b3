import type { Channel } from '../channel/channel.ts'

/** Keeps a channel paused for as long as anybody has a reason to. */
export class FlowGate {
  readonly #channel: Pick<Channel, 'pause' | 'resume'>
  #holds = 0

  constructor(channel: Pick<Channel, 'pause' | 'resume'>) {
    this.#channel = channel
  }

  /** Pauses until the promise settles, whichever way. */
  holdUntil(promise: Promise<unknown>): void {
    if (this.#holds++ === 0) this.#channel.pause()
    const release = (): void => {
      if (--this.#holds === 0) this.#channel.resume()
    }
    promise.then(release, release)
  }
}

import type { Clock } from '@damselfly/shared'
import type { OwnDownload } from '../peer/peer.ts'

export interface AheadDownloadInit {
  readonly begun: Promise<OwnDownload>
  readonly clock: Clock
  /** Called once. @param error why it has not brought the whole content; undefined when it has, or was given up */
  readonly onEnd: (error: unknown) => void
}

/** How long it goes on when its readers are ahead and have not come to it; milliseconds. */
const PATIENCE = 10_000

/** A download for which nobody has asked yet. It goes on as long as somebody may do so soon. */
export class AheadDownload {
  readonly #init: AheadDownloadInit
  /** Who may ask for it next. */
  #readers = 0
  #isOver = false
  #cancel = (): void => undefined

  constructor(init: AheadDownloadInit) {
    this.#init = init
    init.begun.then(({ finished }) => finished).then(() => this.end(), (error: unknown) => this.end(error))
  }

  /** Somebody is given what comes before it. */
  join(): void {
    this.#readers++
    this.#cancel()
  }

  /** @param isSatisfied whether they have got it; else they have gone away */
  leave(isSatisfied: boolean): void {
    this.#readers--
    if (this.#readers > 0 || this.#isOver) return
    if (isSatisfied) this.#cancel = this.#init.clock.after(PATIENCE, () => this.end())
    else this.end()
  }

  /** Ends unless others want it too; pieces that are here stay. Idempotent. */
  end(failure?: unknown): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#cancel()
    this.#init.onEnd(failure)
    // What goes wrong meanwhile is told to those who want it.
    this.#init.begun.then((download) => download.release()).catch(() => undefined)
  }
}

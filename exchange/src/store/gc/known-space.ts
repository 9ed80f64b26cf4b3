import type { Clock } from '@damselfly/shared'
import type { Space } from './space.ts'

/** How long a look at the disk counts; milliseconds. */
const RECENT_MS = 500

export interface KnownSpaceInit {
  /** Looks at the disk; bytes. */
  readonly disk: () => Promise<Omit<Space, 'used'>>
  /** By contents, at any time; bytes. */
  readonly used: () => number
  readonly clock: Pick<Clock, 'now'>
}

/** How much of a disk is free, as far as that need not be looked at for each of many small contents that come at once. */
export class KnownSpace {
  readonly #init: KnownSpaceInit
  #last: { readonly at: number; readonly space: Space } | undefined

  constructor(init: KnownSpaceInit) {
    this.#init = init
  }

  /** @throws DamselflyError DISK_DENIED, DISK_FAILED */
  async look(): Promise<Space> {
    const { disk, used, clock } = this.#init
    // Of before the look, so that what is written meanwhile counts as taken.
    const before = { at: clock.now(), used: used() }
    const found = await disk()
    this.#last = { at: before.at, space: { used: before.used, ...found } }
    return { used: used(), ...found }
  }

  /**
   * What was seen a moment ago, less what contents took since; undefined when that was too long ago. Others may have taken some of
   * it: good to see that there is plenty, and no reason to delete or refuse anything.
   */
  recall(): Space | undefined {
    const { used, clock } = this.#init
    if (this.#last === undefined || clock.now() - this.#last.at >= RECENT_MS) return undefined
    const { space } = this.#last
    const now = used()
    return { ...space, used: now, free: space.free - Math.max(0, now - space.used) }
  }
}

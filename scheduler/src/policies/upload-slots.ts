/** One upload that ended well. */
export interface UploadSample {
  /** Bytes per millisecond of all uploads of the parent together, while this one was under way. */
  readonly throughput: number
  /** How many were under way at once, on average over that time. */
  readonly atOnce: number
}

/** How many of its slots one parent uses at once. */
export interface SlotControl {
  /** At least 1. */
  readonly limit: number
  uploaded(sample: UploadSample): void
}

/**
 * How many pieces a parent should send at once. Slots say how many it can; but where few fill its uplink, more only make
 * each of them arrive later, and with them everything that they would be passed on to.
 */
export interface UploadSlotsPolicy {
  /** For a peer that has joined. */
  control(isCdn: boolean): SlotControl
}

/** As many as there are slots. */
export function allSlots(): UploadSlotsPolicy {
  return { control: () => ({ limit: Infinity, uploaded: () => undefined }) }
}

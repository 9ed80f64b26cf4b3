import type { Download, FinishedDownload } from '@damselfly/dfdaemon'

/** A download in the hands of whoever does the work: dfdaemon or an embedded peer. */
export interface Session {
  readonly download: Download
  /**
   * Makes the file `part` from the finished content.
   *
   * @param mode for a new file
   */
  fill(finished: FinishedDownload, part: string, mode: number, signal: AbortSignal): Promise<void>
  /** @param keep whether what is verified shall stay for the next time; a daemon keeps it anyway */
  close(keep: boolean): Promise<void>
}

/** Says something to the person, once and not as an error. */
export type Notify = (message: string) => void

import type { DownloadProgress, FinishedDownload } from '@damselfly/dfdaemon'
import type { DamselflyError } from '@damselfly/shared'

/** A content that has been handed over. */
export interface Summary {
  /** As the person knows it: the output's path, or `-`. */
  readonly output: string
  readonly finished: FinishedDownload
  /** Milliseconds from the start of the program to the end. */
  readonly elapsedMs: number
}

/** Tells how a download goes. No method throws. */
export interface Reporter {
  /** Called every 100 ms. */
  progress(progress: DownloadProgress): void
  notice(message: string): void
  done(summary: Summary): void
  failed(error: DamselflyError): void
}

/** Where reports go. */
export type WriteLine = (line: string) => void

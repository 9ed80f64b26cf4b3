import type { DownloadProgress } from '@damselfly/dfdaemon'
import type { DamselflyError } from '@damselfly/shared'
import type { Reporter, Summary, WriteLine } from './reporter.ts'
import { summaryLine } from './summary-line.ts'

/** What is drawn while the download goes on. */
export interface Drawing {
  draw(progress: DownloadProgress): void
  /** Leaves the terminal clean for other lines. */
  clear(): void
}

const NO_DRAWING: Drawing = { draw: () => undefined, clear: () => undefined }

export interface LineReporterInit {
  readonly write: WriteLine
  /** Only errors. */
  readonly quiet: boolean
  readonly drawing?: Drawing | undefined
}

/** Reports for people. */
export class LineReporter implements Reporter {
  readonly #write: WriteLine
  readonly #quiet: boolean
  readonly #drawing: Drawing

  constructor({ write, quiet, drawing }: LineReporterInit) {
    this.#write = write
    this.#quiet = quiet
    this.#drawing = drawing ?? NO_DRAWING
  }

  progress(progress: DownloadProgress): void {
    this.#drawing.draw(progress)
  }

  notice(message: string): void {
    this.#drawing.clear()
    if (!this.#quiet) this.#write(`dfget: ${message}`)
  }

  done(summary: Summary): void {
    this.#drawing.clear()
    if (!this.#quiet) this.#write(summaryLine(summary))
  }

  failed(error: DamselflyError): void {
    this.#drawing.clear()
    this.#write(`dfget: ${error.toLine()}`)
  }
}

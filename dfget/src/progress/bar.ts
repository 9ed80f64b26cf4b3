import type { DownloadProgress } from '@damselfly/dfdaemon'
import { SingleBar } from 'cli-progress'
import type { Clock } from '@damselfly/shared'
import { barLine } from './bar-line.ts'
import type { Drawing } from './line-reporter.ts'
import { SpeedMeter } from './speed-meter.ts'

/** The part of a terminal that is used. */
export interface Terminal extends NodeJS.WritableStream {
  readonly columns?: number
}

/** Where the terminal says nothing of its width, or 0, as one does that nobody has set up. */
const USUAL_COLUMNS = 80

/** One line at the bottom of a terminal. */
export class ProgressBar implements Drawing {
  readonly #terminal: Terminal
  readonly #clock: Clock
  readonly #meter = new SpeedMeter()
  #bar: SingleBar | undefined

  constructor(terminal: Terminal, clock: Clock) {
    this.#terminal = terminal
    this.#clock = clock
  }

  draw(progress: DownloadProgress): void {
    const received = progress.verifiedBytes + progress.inFlightBytes
    this.#meter.record(this.#clock.now(), received - progress.bytesFrom.held)
    const payload = { progress, bytesPerSecond: this.#meter.bytesPerSecond }
    const total = progress.contentLength ?? 0
    this.#bar ??= this.#start(payload)
    this.#bar.setTotal(total)
    this.#bar.update(received, payload)
  }

  clear(): void {
    this.#bar?.stop()
    this.#bar = undefined
  }

  #start(payload: BarPayload): SingleBar {
    const bar = new SingleBar({
      stream: this.#terminal,
      hideCursor: true,
      clearOnComplete: true,
      linewrap: false,
      // The program ends by signals in its own way and clears the bar then.
      gracefulExit: false,
      format: (_options: unknown, _params: unknown, shown: BarPayload) => barLine(shown, this.#terminal.columns || USUAL_COLUMNS),
    })
    bar.start(0, 0, payload)
    return bar
  }
}

interface BarPayload {
  readonly progress: DownloadProgress
  readonly bytesPerSecond: number
}

import type { DownloadProgress } from '@damselfly/dfdaemon'
import { formatDigest, type DamselflyError } from '@damselfly/shared'
import type { Reporter, Summary, WriteLine } from './reporter.ts'

/** Reports for programs: one JSON object per line, of type `progress`, `notice`, `done` or `error`. */
export class JsonReporter implements Reporter {
  readonly #write: WriteLine
  #last = ''

  constructor(write: WriteLine) {
    this.#write = write
  }

  progress(progress: DownloadProgress): void {
    const line = JSON.stringify({ type: 'progress', ...progress })
    if (line === this.#last) return
    this.#last = line
    this.#write(line)
  }

  notice(message: string): void {
    this.#write(JSON.stringify({ type: 'notice', message }))
  }

  done({ output, finished, elapsedMs }: Summary): void {
    const { taskId, contentLength, contentDigest, bytesFrom, backToSource } = finished
    const digest = contentDigest === undefined ? undefined : formatDigest(contentDigest)
    const milliseconds = Math.round(elapsedMs)
    this.#write(JSON.stringify({ type: 'done', taskId, output, digest, contentLength, milliseconds, bytesFrom, backToSource }))
  }

  failed(error: DamselflyError): void {
    const { code, message } = error
    const { advice, exit } = error.kind
    this.#write(JSON.stringify({ type: 'error', code, message, advice, exit }))
  }
}

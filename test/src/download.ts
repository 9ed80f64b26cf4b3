import { describe as describeExit, type Exit, type Program } from './program.ts'

export interface BytesFrom {
  readonly held: number
  readonly peers: number
  readonly cdn: number
  readonly origin: number
}

/** What `dfget --json` says at the end. */
export interface DownloadDone {
  readonly type: 'done'
  readonly taskId: string
  readonly output: string
  /** Only where a digest was asked for. */
  readonly digest?: string
  readonly contentLength: number
  readonly milliseconds: number
  readonly bytesFrom: BytesFrom
  readonly backToSource?: string
}

export interface DownloadError {
  readonly type: 'error'
  readonly code: string
  readonly message: string
  readonly advice: string
  readonly exit: number
}

export interface DownloadProgress {
  readonly type: 'progress'
  readonly taskId: string
  readonly contentLength?: number
  readonly verifiedBytes: number
  /** Received and not verified yet. */
  readonly inFlightBytes: number
  readonly bytesFrom: BytesFrom
}

/** A running `dfget --json`. */
export class RunningDownload {
  readonly program: Program

  constructor(program: Program) {
    this.program = program
  }

  /** @throws when it fails, with everything that it printed */
  async done(): Promise<DownloadDone> {
    const exit = await this.program.exited
    const last = lastOf<DownloadDone>(exit, 'done')
    if (exit.code !== 0 || last === undefined) throw new Error(`dfget ended with ${describeExit(exit)}`)
    return last
  }

  /** @throws when it succeeds */
  async failed(): Promise<DownloadError & { readonly exitCode: number | null }> {
    const exit = await this.program.exited
    const last = lastOf<DownloadError>(exit, 'error')
    if (exit.code === 0 || last === undefined) throw new Error(`dfget did not fail properly: ${describeExit(exit)}`)
    return { ...last, exitCode: exit.code }
  }

  /** Resolves once so many bytes are verified. @throws when dfget ends before */
  reached(bytes: number): Promise<DownloadProgress> {
    return this.#progress(({ verifiedBytes }) => verifiedBytes >= bytes)
  }

  /** Resolves once so many bytes have come. @throws when dfget ends before */
  received(bytes: number): Promise<DownloadProgress> {
    return this.#progress(({ verifiedBytes, inFlightBytes }) => verifiedBytes + inFlightBytes >= bytes)
  }

  #progress(isEnough: (progress: DownloadProgress) => boolean): Promise<DownloadProgress> {
    return this.program.line((line) => {
      const event = JSON.parse(line) as DownloadProgress
      return event.type === 'progress' && isEnough(event) ? event : undefined
    })
  }
}

function lastOf<T extends { readonly type: string }>(exit: Exit, type: T['type']): T | undefined {
  const events = exit.stdout.split('\n').filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as T)
  return events.findLast((event) => event.type === type)
}

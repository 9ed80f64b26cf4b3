import { readFile, rm } from 'node:fs/promises'
import { setTimeout as wait } from 'node:timers/promises'
import { digestOf } from '../content.ts'
import type { Daemon } from '../daemon.ts'
import type { DownloadDone, DownloadError, DownloadProgress, RunningDownload } from '../download.ts'
import type { Attempt, DownloadLog } from './download-log.ts'
import type { HostName, PlannedDownload } from './plan.ts'
import type { Bytes, ContentHistory } from './content-history.ts'
import type { World } from './world.ts'

/** Before somebody tries again who was refused; milliseconds. */
const RETRY_MS = 500

/** Somebody who wants a content at a peer and tries until it is there. */
export class WantedDownload {
  readonly #world: World
  readonly #planned: PlannedDownload
  readonly #content: ContentHistory
  readonly #now: () => number
  readonly #attempts: Attempt[] = []
  #bytes: Bytes | undefined
  #difference: string | undefined
  #running: RunningDownload | undefined
  #taskId: string | undefined

  /** @param now seconds since the start */
  constructor(world: World, planned: PlannedDownload, content: ContentHistory, now: () => number) {
    this.#world = world
    this.#planned = planned
    this.#content = content
    this.#now = now
  }

  get log(): DownloadLog {
    const { peer, content, size, at } = this.#planned
    return { peer, content, size, askedAt: at, attempts: this.#attempts, bytes: this.#bytes, difference: this.#difference }
  }

  get peer(): HostName {
    return this.#planned.peer
  }

  /** Of the content that is there. */
  get finishedTask(): string | undefined {
    return this.#taskId
  }

  get content(): ContentHistory {
    return this.#content
  }

  /** While somebody waits for it. */
  get isUnderWay(): boolean {
    return this.#running !== undefined
  }

  /** Ends what was started for it, which is then started again. */
  kill(): void {
    this.#running?.program.kill('SIGKILL')
  }

  /** Resolves when the content is there, or nobody waits any more. */
  async run(signal: AbortSignal): Promise<void> {
    while (this.#bytes === undefined && !signal.aborted) {
      // A peer that is down is started again.
      const daemon = await this.#world.peers.get(this.#planned.peer)?.running?.catch(() => undefined)
      if (daemon !== undefined) await this.#attempt(daemon, signal)
      if (this.#bytes === undefined) await wait(RETRY_MS)
    }
  }

  async #attempt(daemon: Daemon, signal: AbortSignal): Promise<void> {
    const output = this.#world.lab.path(`out-${this.#planned.peer}-${this.#planned.content}`)
    const from = this.#now()
    const download = this.#world.lab.download(this.#content.url, output, daemon, ['--no-back-to-source'])
    const giveUp = (): void => download.program.kill('SIGKILL')
    signal.addEventListener('abort', giveUp, { once: true })
    this.#running = download
    const outcome = await outcomeOf(download)
    this.#running = undefined
    signal.removeEventListener('abort', giveUp)
    const { stdout } = await download.program.exited
    const events = stdout.split('\n').flatMap(eventOf)
    this.#attempts.push({
      from,
      until: this.#now(),
      outcome,
      held: events.find((event) => event.type === 'done')?.bytesFrom.held,
      verified: events.findLast((event) => event.type === 'progress')?.verifiedBytes ?? 0,
    })
    if (outcome !== 'done') return
    this.#taskId = (await download.done()).taskId
    this.#bytes = this.#content.judge(await digestOf(output), from, this.#now())
    if (this.#bytes === 'wrong') this.#difference = this.#content.differenceOf(await readFile(output))
    await rm(output)
  }
}

/** None in a line that was cut short by a SIGKILL. */
function eventOf(line: string): readonly (DownloadProgress | DownloadDone | DownloadError)[] {
  try {
    return line.startsWith('{') ? [JSON.parse(line) as DownloadProgress | DownloadDone | DownloadError] : []
  } catch {
    return []
  }
}

async function outcomeOf(download: RunningDownload): Promise<string> {
  const { code, signal } = await download.program.exited
  if (code === 0) return 'done'
  if (signal !== null) return signal
  return download.failed().then(
    (error) => error.code,
    () => `exit code ${code}`,
  )
}

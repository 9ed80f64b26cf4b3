import { isDamselflyError } from '@damselfly/shared'
import type { ReportStreams } from './create-reporter.ts'
import { deliver, type Output } from './download.ts'
import type { Environment } from './load-settings.ts'
import { ProgressNotices } from './notices.ts'
import { openSession } from './open-session.ts'
import type { Job } from './options.ts'
import { prepareOutput } from './output/output-file.ts'
import { outputNameOf } from './output/output-name.ts'
import type { Reporter } from './progress/reporter.ts'
import { requestOf } from './request.ts'
import type { Session } from './session/session.ts'
import type { Settings } from './settings.ts'

/** How often progress is looked at; milliseconds. */
const REPORT_INTERVAL_MS = 100

export interface RunInit {
  readonly job: Job
  readonly settings: Settings
  readonly reporter: Reporter
  readonly env: Environment
  readonly version: string
  readonly streams: ReportStreams
  /** Aborted with a DamselflyError when the download is to be given up. */
  readonly signal: AbortSignal
}

/**
 * Downloads one content to its output.
 *
 * @throws DamselflyError
 */
export async function runDownload(init: RunInit): Promise<void> {
  const { job, settings, reporter, env, version, signal } = init
  const name = job.output ?? outputNameOf(job.url)
  const output = await openOutput(name, init.streams)
  const request = requestOf(job, settings, output.type !== 'file')
  const notify = (message: string): void => reporter.notice(message)
  const session = await openSession({ settings, request, env, version, notify, signal })
  const finished = await withReports(session, reporter, () => delivered(session, output, signal))
  if (finished !== undefined) reporter.done({ output: name, finished, elapsedMs: process.uptime() * 1000 })
}

/** Closes the session in every case. What can be continued is kept for the next time. */
async function delivered(session: Session, output: Output, signal: AbortSignal): ReturnType<typeof deliver> {
  let keep = true
  try {
    const finished = await deliver(session, output, signal)
    keep = finished === undefined
    return finished
  } catch (error) {
    // The same pieces can only give the same wrong content.
    keep = !isDamselflyError(error, 'DIGEST_MISMATCH')
    throw error
  } finally {
    await session.close(keep)
  }
}

async function withReports<T>(session: Session, reporter: Reporter, work: () => Promise<T>): Promise<T> {
  const notices = new ProgressNotices((message) => reporter.notice(message))
  const report = (): void => {
    const progress = session.download.progress()
    notices.look(progress)
    reporter.progress(progress)
  }
  const timer = setInterval(report, REPORT_INTERVAL_MS)
  try {
    report()
    const result = await work()
    report()
    return result
  } finally {
    clearInterval(timer)
  }
}

async function openOutput(name: string, streams: ReportStreams): Promise<Output> {
  if (name === '-') return { type: 'stdout', stream: streams.stdout }
  const file = await prepareOutput(name)
  return file === undefined ? { type: 'device', path: name } : { type: 'file', file }
}

import type { Clock } from '@damselfly/shared'
import type { Job } from './options.ts'
import type { Drawing } from './progress/line-reporter.ts'
import type { Reporter, WriteLine } from './progress/reporter.ts'
import type { Settings } from './settings.ts'

/** The streams of the process that reports may go to. */
export interface ReportStreams {
  readonly stdout: NodeJS.WritableStream
  readonly stderr: NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number }
}

/** JSON for programs, else lines for people, with a bar on a terminal. */
export async function createReporter(job: Job, settings: Settings, streams: ReportStreams, clock: Clock): Promise<Reporter> {
  if (job.json) {
    const { JsonReporter } = await import('./progress/json-reporter.ts')
    return new JsonReporter(lineWriter(job.output === '-' ? streams.stderr : streams.stdout))
  }
  const { LineReporter } = await import('./progress/line-reporter.ts')
  const drawing = await drawingFor(job, settings, streams, clock)
  return new LineReporter({ write: lineWriter(streams.stderr), quiet: job.quiet, drawing })
}

async function drawingFor(
  job: Job,
  settings: Settings,
  { stderr }: ReportStreams,
  clock: Clock,
): Promise<Drawing | undefined> {
  if (stderr.isTTY !== true || job.quiet || !settings.progress) return undefined
  const { ProgressBar } = await import('./progress/bar.ts')
  return new ProgressBar(stderr, clock)
}

/** Reports whose reader is gone are dropped; the download goes on. */
export function lineWriter(stream: NodeJS.WritableStream): WriteLine {
  stream.on('error', () => undefined)
  return (line) => void stream.write(`${line}\n`)
}

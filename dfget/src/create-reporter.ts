import type { Writable } from 'node:stream'
import type { Clock } from '@damselfly/shared'
import type { Job } from './options.ts'
import { JsonReporter } from './progress/json-reporter.ts'
import { LateDrawing } from './progress/late-drawing.ts'
import { LineReporter, type Drawing } from './progress/line-reporter.ts'
import type { Reporter, WriteLine } from './progress/reporter.ts'
import type { Settings } from './settings.ts'

/** The streams of the process that reports may go to. */
export interface ReportStreams {
  readonly stdout: Writable
  readonly stderr: Writable & { readonly isTTY?: boolean; readonly columns?: number }
}

/** JSON for programs, else lines for people, with a bar on a terminal. */
export function createReporter(job: Job, settings: Settings, streams: ReportStreams, clock: Clock): Reporter {
  if (job.json) return new JsonReporter(lineWriter(() => (job.output === '-' ? streams.stderr : streams.stdout)))
  const drawing = job.quiet || !settings.progress ? undefined : drawingOn(streams.stderr, clock)
  return new LineReporter({ write: lineWriter(() => streams.stderr), quiet: job.quiet, drawing })
}

function drawingOn(stderr: ReportStreams['stderr'], clock: Clock): Drawing | undefined {
  if (stderr.isTTY !== true) return undefined
  return new LateDrawing(async () => {
    const { ProgressBar } = await import('./progress/bar.ts')
    return new ProgressBar(stderr, clock)
  })
}

/** Reports whose reader is gone are dropped; the download goes on. */
export function lineWriter(open: () => NodeJS.WritableStream): WriteLine {
  let stream: NodeJS.WritableStream | undefined
  return (line) => {
    stream ??= open().on('error', () => undefined)
    stream.write(`${line}\n`)
  }
}

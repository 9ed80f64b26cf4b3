import { systemClock, toDamselflyError, type DamselflyError } from '@damselfly/shared'
import type { ManagedJob } from './access/managed.ts'
import { createReporter, lineWriter, type ReportStreams } from './create-reporter.ts'
import type { ExplainJob } from './explain/command.ts'
import type { HeldJob } from './held/command.ts'
import { Interruption, type SignalSource } from './interruption.ts'
import { chooseConfigFile, loadSettings, type Environment } from './load-settings.ts'
import { parseArguments, type Invocation } from './options.ts'
import { JsonReporter } from './progress/json-reporter.ts'
import type { PreheatJob } from './preheat/command.ts'
import { LineReporter } from './progress/line-reporter.ts'
import type { Reporter } from './progress/reporter.ts'
import { runDownload } from './run.ts'

export interface Program {
  readonly args: readonly string[]
  readonly env: Environment
  readonly version: string
  /** Each is made when it is first asked for. */
  readonly streams: ReportStreams
  readonly signals: SignalSource
}

/** @returns the exit code. Never throws. */
export async function runProgram(program: Program): Promise<number> {
  const { streams } = program
  let reporter: Reporter = new LineReporter({ write: lineWriter(() => streams.stderr), quiet: true })
  try {
    const invocation = await parseArguments(program.args, program.version)
    if (invocation.type === 'download') {
      await download(program, invocation, (chosen) => (reporter = chosen))
    } else if (invocation.type === 'explain') {
      await explain(program, invocation.job, (chosen) => (reporter = chosen))
    } else if (invocation.type === 'preheat') {
      await preheat(program, invocation.job, (chosen) => (reporter = chosen))
    } else if (invocation.type === 'held') {
      await held(program, invocation.job, (chosen) => (reporter = chosen))
    } else if (invocation.type === 'managed') {
      await managed(program, invocation.job, (chosen) => (reporter = chosen))
    } else {
      streams.stdout.write(invocation.type === 'print' ? invocation.text : await configText(program, invocation))
    }
    return 0
  } catch (error) {
    const failure = toDamselflyError(error)
    reporter.failed(failure)
    if (failure.code === 'INTERNAL') showDefect(program, failure)
    return failure.kind.exit
  }
}

type DownloadInvocation = Extract<Invocation, { readonly type: 'download' }>
type ConfigInvocation = Extract<Invocation, { readonly type: 'print-config' }>

async function download(
  program: Program,
  { job, configFile, flags }: DownloadInvocation,
  onReporter: (reporter: Reporter) => void,
): Promise<void> {
  const { env, version, streams, signals } = program
  const settings = await loadSettings({ configFile: chooseConfigFile(configFile, env), flags, env })
  const reporter = createReporter(job, settings, streams, systemClock)
  onReporter(reporter)
  const interruption = new Interruption(signals, settings.timeout)
  try {
    await runDownload({ job, settings, reporter, env, version, streams, signal: interruption.signal })
  } finally {
    interruption.close()
  }
}

async function explain({ env, streams }: Program, job: ExplainJob, onReporter: (reporter: Reporter) => void): Promise<void> {
  const write = lineWriter(() => streams.stdout)
  if (job.json) onReporter(new JsonReporter(write))
  const { runExplain } = await import('./explain/run-explain.ts')
  await runExplain(job, env, write)
}

async function preheat({ env, streams }: Program, job: PreheatJob, onReporter: (reporter: Reporter) => void): Promise<void> {
  const write = lineWriter(() => streams.stdout)
  if (job.json) onReporter(new JsonReporter(write))
  const { runPreheat } = await import('./preheat/run-preheat.ts')
  await runPreheat(job, env, write)
}

async function held({ env, streams }: Program, job: HeldJob, onReporter: (reporter: Reporter) => void): Promise<void> {
  const write = lineWriter(() => streams.stdout)
  if (job.json) onReporter(new JsonReporter(write))
  const { runHeld } = await import('./held/run-held.ts')
  await runHeld(job, env, write)
}

async function managed({ env, streams }: Program, job: ManagedJob, onReporter: (reporter: Reporter) => void): Promise<void> {
  const write = lineWriter(() => streams.stdout)
  if (job.json) onReporter(new JsonReporter(write))
  const { openManagement } = await import('./management/open-management.ts')
  await job.act(await openManagement(job, env), write)
}

async function configText({ env }: Program, { configFile, flags }: ConfigInvocation): Promise<string> {
  const { printSettings, readSettings } = await import('./config.ts')
  return printSettings(await readSettings({ configFile: chooseConfigFile(configFile, env), flags, env }))
}

function showDefect({ streams }: Program, failure: DamselflyError): void {
  const stack = failure.cause instanceof Error ? failure.cause.stack : failure.stack
  streams.stderr.write(`${stack ?? ''}\n`)
}

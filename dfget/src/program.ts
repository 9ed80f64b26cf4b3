import { systemClock, toDamselflyError, type DamselflyError } from '@damselfly/shared'
import { createReporter, lineWriter } from './create-reporter.ts'
import { Interruption, type SignalSource } from './interruption.ts'
import { chooseConfigFile, loadSettings, type Environment } from './load-settings.ts'
import { parseArguments, type Invocation } from './options.ts'
import { LineReporter } from './progress/line-reporter.ts'
import type { Reporter } from './progress/reporter.ts'
import { runDownload } from './run.ts'

export interface Program {
  readonly args: readonly string[]
  readonly env: Environment
  readonly version: string
  readonly stdout: NodeJS.WriteStream
  readonly stderr: NodeJS.WriteStream
  readonly signals: SignalSource
}

/** @returns the exit code. Never throws. */
export async function runProgram(program: Program): Promise<number> {
  let reporter: Reporter = new LineReporter({ write: lineWriter(program.stderr), quiet: true })
  try {
    const invocation = parseArguments(program.args, program.version)
    if (invocation.type === 'download') {
      await download(program, invocation, (chosen) => (reporter = chosen))
    } else {
      program.stdout.write(invocation.type === 'print' ? invocation.text : await configText(program, invocation))
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
  const { env, version, stdout, stderr, signals } = program
  const settings = await loadSettings({ configFile: chooseConfigFile(configFile, env), flags, env })
  const reporter = await createReporter(job, settings, { stdout, stderr }, systemClock)
  onReporter(reporter)
  const interruption = new Interruption(signals, settings.timeout)
  try {
    await runDownload({ job, settings, reporter, env, version, stdout, clock: systemClock, signal: interruption.signal })
  } finally {
    interruption.close()
  }
}

async function configText({ env }: Program, { configFile, flags }: ConfigInvocation): Promise<string> {
  const { printSettings, readSettings } = await import('./config.ts')
  return printSettings(await readSettings({ configFile: chooseConfigFile(configFile, env), flags, env }))
}

function showDefect({ stderr }: Program, failure: DamselflyError): void {
  const stack = failure.cause instanceof Error ? failure.cause.stack : failure.stack
  stderr.write(`${stack ?? ''}\n`)
}

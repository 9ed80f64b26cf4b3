import { mkdir, open, writeFile, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { DamselflyError, diskError, toDamselflyError } from '@damselfly/shared'
import { readConfigFile } from '@damselfly/shared/config'
import { createScheduler } from '../scheduler.ts'
import { parseSimulateCommand, USAGE, type Task } from './command-line.ts'
import { drawAvailability } from './draw/availability-picture.ts'
import { drawCompletionCurve } from './draw/completion-curve.ts'
import { formatReport, reportOf, type Report } from './report.ts'
import { readScenarios, type NamedScenario } from './scenario/read-scenario.ts'
import { scenarioPath } from './scenario/shipped.ts'
import { seededRandom } from './seeded-random.ts'
import { simulate, type Outcome, type SimulateOptions } from './simulate.ts'
import { recordScheduler } from './trace/record.ts'
import { replayTrace } from './trace/replay.ts'

type SimulateTask = Extract<Task, { type: 'simulate' }>

try {
  const task = parseSimulateCommand(process.argv.slice(2))
  if (task.type === 'help') process.stdout.write(USAGE)
  else if (task.type === 'replay') await replay(task.trace)
  else await simulateAll(task)
} catch (error) {
  const { code, message } = toDamselflyError(error)
  process.stderr.write(`simulate: ${code}: ${message}\n${code === 'USAGE' ? USAGE : ''}`)
  process.exitCode = code === 'USAGE' || code === 'CONFIG_INVALID' ? 2 : 1
}

async function simulateAll(task: SimulateTask): Promise<void> {
  const reports: Report[] = []
  const chosen = await chooseRuns(task)
  if (task.record !== undefined && chosen.length > 1) {
    throw new DamselflyError('USAGE', `--record is for one run; choose one with --run: ${chosen.map(({ name }) => name).join(', ')}`)
  }
  for (const run of chosen) {
    const outcome = await simulateOne(run, task.record)
    const report = reportOf(run, outcome)
    reports.push(report)
    if (task.svgDirectory !== undefined) await draw(run, outcome, task.svgDirectory)
    if (!task.asJson) process.stdout.write(`${formatReport(report)}\n`)
  }
  if (task.asJson) process.stdout.write(`${JSON.stringify(reports, null, 2)}\n`)
}

async function chooseRuns({ scenario, run, overrides }: SimulateTask): Promise<readonly NamedScenario[]> {
  const runs = readScenarios(await readConfigFile(scenarioPath(scenario)), overrides)
  const chosen = runs.filter(({ name }) => run === undefined || name === run)
  if (chosen.length > 0) return chosen
  throw new DamselflyError('USAGE', `there is no run '${run}'; there are: ${runs.map(({ name }) => `'${name}'`).join(', ')}`)
}

async function simulateOne({ scenario }: NamedScenario, record: string | undefined): Promise<Outcome> {
  if (record === undefined) return simulate(scenario)
  const file = await openFile(record, 'w')
  try {
    const text: string[] = []
    const wrap: SimulateOptions['wrap'] = (scheduler) => recordScheduler(scheduler, { seed: scenario.seed }, (line) => void text.push(line))
    const outcome = simulate(scenario, { wrap })
    await file.writeFile(text)
    return outcome
  } finally {
    await file.close()
  }
}

async function draw({ name, scenario }: NamedScenario, outcome: Outcome, directory: string): Promise<void> {
  const title = `${scenario.title}${name === '' ? '' : ` · ${name}`}`
  const file = title.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')
  try {
    await mkdir(directory, { recursive: true })
    await writeFile(join(directory, `${file}-completion.svg`), drawCompletionCurve(title, outcome))
    await writeFile(join(directory, `${file}-availability.svg`), drawAvailability(title, outcome))
  } catch (error) {
    throw diskError(error, `write to ${directory}`)
  }
}

async function replay(trace: string): Promise<void> {
  const file = await openFile(trace, 'r')
  const lines = file.readLines({ autoClose: true })
  const { events, commands, difference } = await replayTrace(lines, ({ seed }) => createScheduler({ random: seededRandom(seed) }))
  if (difference === undefined) {
    process.stdout.write(`${events} events, ${commands} commands: all as recorded\n`)
    return
  }
  const { line, at, recorded, replayed } = difference
  process.stdout.write(`line ${line}, at ${at} ms, after ${events - 1} events: another answer\n`)
  process.stdout.write(`  recorded  ${JSON.stringify(recorded)}\n  replayed  ${JSON.stringify(replayed)}\n`)
  process.exitCode = 1
}

async function openFile(path: string, flags: 'r' | 'w'): Promise<FileHandle> {
  try {
    return await open(path, flags)
  } catch (error) {
    throw diskError(error, `open ${path}`)
  }
}

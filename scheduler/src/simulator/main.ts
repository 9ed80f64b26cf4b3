import { mkdir, open, writeFile, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { DamselflyError, diskError, toDamselflyError } from '@damselfly/shared'
import { readConfigFile } from '@damselfly/shared/config'
import { createScheduler } from '../scheduler.ts'
import type { DecisionTrace } from '../explain/decision-trace.ts'
import { loadChosenPolicies } from './chosen-policies.ts'
import { parseSimulateCommand, USAGE, type Task } from './command-line.ts'
import { drawAvailability } from './draw/availability-picture.ts'
import { drawCompletionCurve } from './draw/completion-curve.ts'
import { createSimulationTrace, explanationOf } from './explain.ts'
import { formatReport, reportOf, type Report } from './report.ts'
import { readScenarios, type NamedScenario } from './scenario/read-scenario.ts'
import { scenarioPath } from './scenario/shipped.ts'
import { seededRandom } from './seeded-random.ts'
import { simulate, type Outcome, type SimulateOptions } from './simulate.ts'
import { recordScheduler } from './trace/record.ts'
import { replayTrace } from './trace/replay.ts'

type SimulateTask = Extract<Task, { type: 'simulate' }>
type ReplayTask = Extract<Task, { type: 'replay' }>

try {
  const task = parseSimulateCommand(process.argv.slice(2))
  if (task.type === 'help') process.stdout.write(USAGE)
  else if (task.type === 'replay') await replay(task)
  else await simulateAll(task)
} catch (error) {
  const { code, message } = toDamselflyError(error)
  process.stderr.write(`simulate: ${code}: ${message}\n${code === 'USAGE' ? USAGE : ''}`)
  process.exitCode = code === 'USAGE' || code === 'CONFIG_INVALID' ? 2 : 1
}

async function simulateAll(task: SimulateTask): Promise<void> {
  const reports: Report[] = []
  const chosen = await chooseRuns(task)
  if ((task.record ?? task.question) !== undefined && chosen.length > 1) {
    throw new DamselflyError('USAGE', `--record and --explain are for one run; choose one with --run: ${chosen.map(({ name }) => name).join(', ')}`)
  }
  for (const run of chosen) {
    const trace = task.question === undefined ? undefined : createSimulationTrace()
    const outcome = await simulateOne(run, task, trace)
    const report = reportOf(run, outcome)
    reports.push(report)
    if (task.svgDirectory !== undefined) await draw(run, outcome, task.svgDirectory)
    if (!task.asJson) process.stdout.write(`${formatReport(report)}\n`)
    if (task.question !== undefined && trace !== undefined) printLines(explanationOf(trace, task.question), task.asJson)
  }
  if (task.asJson) process.stdout.write(`${JSON.stringify(reports, null, 2)}\n`)
}

async function chooseRuns({ scenario, run, overrides }: SimulateTask): Promise<readonly NamedScenario[]> {
  const runs = readScenarios(await readConfigFile(scenarioPath(scenario)), overrides)
  const chosen = runs.filter(({ name }) => run === undefined || name === run)
  if (chosen.length > 0) return chosen
  throw new DamselflyError('USAGE', `there is no run '${run}'; there are: ${runs.map(({ name }) => `'${name}'`).join(', ')}`)
}

async function simulateOne(
  { scenario }: NamedScenario,
  { policy, record }: SimulateTask,
  observer: DecisionTrace | undefined,
): Promise<Outcome> {
  const options: SimulateOptions = { policies: await loadChosenPolicies(policy), observer }
  if (record === undefined) return simulate(scenario, options)
  const file = await openFile(record, 'w')
  try {
    const text: string[] = []
    const header = { seed: scenario.seed, policy }
    const wrap: SimulateOptions['wrap'] = (scheduler) => recordScheduler(scheduler, header, (line) => void text.push(line))
    const outcome = simulate(scenario, { ...options, wrap })
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

async function replay({ trace, policy, question }: ReplayTask): Promise<void> {
  const file = await openFile(trace, 'r')
  const lines = file.readLines({ autoClose: true })
  const policies = await loadChosenPolicies(policy)
  const observer = question === undefined ? undefined : createSimulationTrace()
  const { events, commands, difference } = await replayTrace(lines, (header) => {
    if (header.policy !== undefined && policy === undefined) {
      throw new DamselflyError('USAGE', `it was recorded with the policy ${header.policy}; name that with --policy`)
    }
    return createScheduler({ policies, observer, random: seededRandom(header.seed) })
  })
  if (question !== undefined && observer !== undefined) printLines(explanationOf(observer, question), false)
  if (difference === undefined) {
    process.stdout.write(`${events} events, ${commands} commands: all as recorded\n`)
    return
  }
  const { line, at, recorded, replayed } = difference
  process.stdout.write(`line ${line}, at ${at} ms, after ${events - 1} events: another answer\n`)
  process.stdout.write(`  recorded  ${JSON.stringify(recorded)}\n  replayed  ${JSON.stringify(replayed)}\n`)
  process.exitCode = 1
}

/** @param isBeside whether standard output is taken by something for programs */
function printLines(lines: Iterable<string>, isBeside: boolean): void {
  const stream = isBeside ? process.stderr : process.stdout
  for (const line of lines) stream.write(`${line}\n`)
}

async function openFile(path: string, flags: 'r' | 'w'): Promise<FileHandle> {
  try {
    return await open(path, flags)
  } catch (error) {
    throw diskError(error, `open ${path}`)
  }
}

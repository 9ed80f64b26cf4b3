import { FIGURES, type FigureId, type FigureUnit } from './measure/figures.ts'
import { goalOf } from './measure/goals.ts'
import type { NamedScenario } from './scenario/read-scenario.ts'
import type { Outcome } from './simulate.ts'

/** One figure as `--json` prints it. */
export interface ReportedFigure {
  readonly value: number
  readonly unit: FigureUnit
  readonly goal?: string
  readonly met?: boolean
}

/** What `--json` prints of one run. */
export interface Report {
  readonly run: string
  readonly title: string
  readonly seed: number
  readonly figures: Readonly<Partial<Record<FigureId, ReportedFigure>>>
  readonly cost: Outcome['cost'] & { readonly assignmentsPerCpuSecond: number }
}

export function reportOf({ name, scenario }: NamedScenario, { figures, cost }: Outcome): Report {
  const reported = Object.entries(figures).map(([id, value]) => {
    const goal = goalOf(id as FigureId, figures, scenario.goals)
    const { unit } = FIGURES[id as FigureId]
    return [id, goal === undefined ? { value, unit } : { value, unit, goal: `${goal.op} ${goal.value}`, met: goal.met }] as const
  })
  const assignmentsPerCpuSecond = Math.round((figures.assignments ?? 0) / cost.schedulerCpu)
  return {
    run: name,
    title: scenario.title,
    seed: scenario.seed,
    figures: Object.fromEntries(reported),
    cost: { ...cost, assignmentsPerCpuSecond },
  }
}

/** A report as a person reads it. */
export function formatReport({ run, title, seed, figures, cost }: Report): string {
  const head = `${title}${run === '' ? '' : ` · ${run}`} (seed ${seed})`
  const width = Math.max(...Object.values(FIGURES).map(({ label }) => label.length))
  const lines = Object.entries(figures).map(([id, { value, unit, goal, met }]) => {
    const verdict = goal === undefined ? '' : `  goal ${goal}: ${met === true ? 'met' : 'NOT MET'}`
    return `  ${FIGURES[id as FigureId].label.padEnd(width)}  ${formatNumber(value)}${unit === '' ? '' : ` ${unit}`}${verdict}`
  })
  const { events, schedulerCpu, cpu, assignmentsPerCpuSecond } = cost
  const spent = `${assignmentsPerCpuSecond} assignments per CPU-second of the scheduler (${events} events, ${schedulerCpu.toFixed(2)} of ${cpu.toFixed(2)} CPU-s)`
  return [head, ...lines, `  ${'decisions'.padEnd(width)}  ${spent}`].join('\n')
}

function formatNumber(value: number): string {
  if (Number.isInteger(value)) return String(value)
  return Math.abs(value) >= 1000 ? value.toFixed(0) : value.toFixed(3)
}

import type { BenchResult, Figure } from './figure.ts'

/** A result as a person reads it. */
export function formatResult({ bench, machine, commit, figures }: BenchResult): string {
  const { cpu, cores, node, os } = machine
  const head = `${bench} on ${cores} x ${cpu}, ${os}, Node.js ${node}, commit ${commit === '' ? 'unknown' : commit.slice(0, 12)}`
  const width = Math.max(...figures.map(({ id }) => id.length))
  return [head, ...figures.map((one) => formatFigure(one, width))].join('\n')
}

function formatFigure({ id, value, unit, goal, met, samples }: Figure, width: number): string {
  const spread = samples.length > 1 ? `  (${number(Math.min(...samples))} to ${number(Math.max(...samples))})` : ''
  const verdict = goal === undefined ? '' : `  goal ${goal.op} ${number(goal.value)}: ${met === true ? 'met' : 'NOT MET'}`
  return `  ${id.padEnd(width)}  ${number(value)} ${unit}${spread}${verdict}`
}

function number(value: number): string {
  if (Number.isInteger(value)) return String(value)
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toFixed(3)
}

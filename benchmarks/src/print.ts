import type { BenchResult, Figure } from './figure.ts'
import { formatCommit, formatGoal, formatSpread, formatValue } from './format.ts'

/** A result as a person reads it. */
export function formatResult({ bench, machine, commit, figures }: BenchResult): string {
  const { cpu, cores, node, os } = machine
  const head = `${bench} on ${cores} x ${cpu}, ${os}, Node.js ${node}, commit ${formatCommit(commit)}`
  const width = Math.max(...figures.map(({ id }) => id.length))
  return [head, ...figures.map((one) => formatFigure(one, width))].join('\n')
}

function formatFigure(one: Figure, width: number): string {
  const { id, met, samples } = one
  const spread = samples.length > 1 ? `  (${formatSpread(samples)})` : ''
  const verdict = met === undefined ? '' : `  goal ${formatGoal(one)}: ${met ? 'met' : 'MISSED'}`
  return `  ${id.padEnd(width)}  ${formatValue(one)}${spread}${verdict}`
}

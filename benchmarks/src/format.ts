import type { Figure, Goal } from './figure.ts'

/** Three digits that count, and all digits of whole numbers. */
export function formatNumber(value: number): string {
  const size = Math.abs(value)
  if (Number.isInteger(value) || size >= 1000) return Math.round(value).toLocaleString('en-GB')
  if (size >= 100) return value.toFixed(0)
  if (size >= 10) return value.toFixed(1)
  return size >= 1 ? value.toFixed(2) : value.toFixed(3)
}

export function formatValue({ value, unit }: Pick<Figure, 'value' | 'unit'>): string {
  return unit === 'x' || unit === '%' ? `${formatNumber(value)}${unit}` : `${formatNumber(value)} ${unit}`
}

/** Least and greatest sample; empty when there is but one. */
export function formatSpread(samples: readonly number[]): string {
  if (samples.length < 2) return ''
  return `${formatNumber(Math.min(...samples))} to ${formatNumber(Math.max(...samples))}`
}

const OPERATORS = { '<=': '≤', '>=': '≥', '==': '=' } as const satisfies Record<Goal['op'], string>

export function formatGoal({ goal, unit }: Pick<Figure, 'goal' | 'unit'>): string {
  return goal === undefined ? '' : `${OPERATORS[goal.op]} ${formatValue({ value: goal.value, unit })}`
}

export function formatCommit(commit: string): string {
  const [hash = '', ...changes] = commit.split('-')
  return hash === '' ? 'unknown' : [hash.slice(0, 12), ...changes].join('-')
}

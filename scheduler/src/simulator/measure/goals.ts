import type { FigureId, Figures } from './figures.ts'

export interface Goal {
  readonly op: '<=' | '>=' | '=='
  readonly value: number
}

/** @param text as the schema of scenarios allows it */
export function parseGoal(text: string): Goal {
  const [, op, value] = /^(<=|>=|==) ?(.+)$/.exec(text) ?? []
  return { op: op as Goal['op'], value: Number(value) }
}

/** Undefined for a figure without a goal. A figure that there is not does not meet any. */
export function goalOf(id: FigureId, figures: Figures, goals: Readonly<Record<string, string>>): (Goal & { met: boolean }) | undefined {
  const text = goals[id]
  if (text === undefined) return undefined
  const goal = parseGoal(text)
  return { ...goal, met: meets(figures[id], goal) }
}

function meets(value: number | undefined, { op, value: wanted }: Goal): boolean {
  if (value === undefined) return false
  if (op === '<=') return value <= wanted
  return op === '>=' ? value >= wanted : value === wanted
}

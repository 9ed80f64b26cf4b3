import { FIGURES, parseGoal, type FigureId, type Outcome } from '@damselfly/scheduler/simulator'
import { figure, type Figure, type Unit } from '../figure.ts'

/** What the goals of a scenario are about. @param goals by the id of their figure */
export function figuresOfRun(run: string, goals: Readonly<Record<string, string>>, outcomes: readonly Outcome[]): readonly Figure[] {
  return Object.entries(goals).map(([id, text]) => judgedFigure(run, id as FigureId, text, outcomes))
}

function judgedFigure(run: string, id: FigureId, text: string, outcomes: readonly Outcome[]): Figure {
  const { unit, label } = FIGURES[id]
  const goal = parseGoal(text)
  const [shownAs, factor] = shown(id, unit)
  const samples = outcomes.map(({ figures }) => factor * (figures[id] ?? Number.NaN))
  return figure(`${run}: ${label}`, shownAs, samples, { ...goal, value: factor * goal.value })
}

/** Counts are shown as times, and an index, which is a share of 1, in per cent. */
function shown(id: FigureId, unit: (typeof FIGURES)[FigureId]['unit']): readonly [Unit, factor: number] {
  if (unit !== '') return [unit, 1]
  return id === 'taskFairness' ? ['%', 100] : ['x', 1]
}

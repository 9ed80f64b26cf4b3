export type FigureUnit = 's' | 'x' | '%' | ''

interface FigureKind {
  readonly unit: FigureUnit
  readonly label: string
}

/** All figures of a simulation. A label says what it is; those with a goal stand in the scenario. */
export const FIGURES = {
  last: { unit: 's', label: 'last child has everything' },
  p50: { unit: 's', label: 'half of the children have, after they came' },
  p99: { unit: 's', label: '99% of the children have, after they came' },
  slowest: { unit: 's', label: 'slowest child has, after it came' },
  fluidBound: { unit: 's', label: 'fluid bound' },
  discreteBound: { unit: 's', label: 'discrete bound' },
  presentBound: { unit: 's', label: 'bound for those present' },
  lastOverFluid: { unit: 'x', label: 'last / fluid bound' },
  lastOverDiscrete: { unit: 'x', label: 'last / discrete bound' },
  lastOverPresent: { unit: 'x', label: 'last / bound for those present' },
  origin: { unit: 'x', label: 'origin sent, of all content' },
  cdn: { unit: 'x', label: 'CDN sent, of all content' },
  duplicates: { unit: '%', label: 'bytes of pieces that were there already' },
  wrong: { unit: '%', label: 'bytes of pieces that were wrong' },
  uploadUse: { unit: '%', label: 'use of what peers could send' },
  uploadSkew: { unit: 'x', label: 'most that a peer sent / mean' },
  crossings: { unit: 'x', label: 'most that went over a line one way, of all content' },
  taskFairness: { unit: '', label: "Jain index of the tasks' slowdown" },
  longestWait: { unit: 's', label: 'longest time that a child had nothing under way' },
  sentToSource: { unit: '', label: 'times that a child was sent to the origin' },
  unfinished: { unit: '', label: 'children that never got everything' },
  assignments: { unit: '', label: 'assignments' },
} as const satisfies Record<string, FigureKind>

export type FigureId = keyof typeof FIGURES

/** Figures that make no sense for a scenario are left out. */
export type Figures = Partial<Record<FigureId, number>>

export function isFigureId(text: string): text is FigureId {
  return Object.hasOwn(FIGURES, text)
}

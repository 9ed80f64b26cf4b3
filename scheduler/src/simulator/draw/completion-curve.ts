import type { Outcome } from '../simulate.ts'
import { Plot } from './svg.ts'

const CURVE = '#1f6fb4'
const ARRIVALS = '#9a9a9a'
const BOUND = '#b4411f'

/** How many downloads are complete at each time, with the bounds. @returns an SVG document */
export function drawCompletionCurve(title: string, { completions, bounds }: Outcome): string {
  const last = completions.at(-1)?.completedAt ?? bounds.fluid
  const end = (1.04 * Math.max(last, bounds.fluid, bounds.discrete ?? 0)) / 1000
  const plot = new Plot(title, { from: 0, to: end, label: 'time, seconds' }, { from: 0, to: 100, label: 'downloads complete, %' })
  const share = (index: number): number => (100 * index) / Math.max(1, completions.length)
  const joined = completions.map(({ joinedAt }) => joinedAt).toSorted((a, b) => a - b)
  if ((joined.at(-1) ?? 0) > 0) {
    plot.line(stairs(joined, share, end), ARRIVALS)
    plot.legend([[CURVE, 'complete'], [ARRIVALS, 'arrived']])
  }
  plot.line(stairs(completions.map(({ completedAt }) => completedAt), share, end), CURVE)
  plot.mark(bounds.fluid / 1000, 'fluid bound', BOUND, 'left')
  if (bounds.discrete !== undefined) plot.mark(bounds.discrete / 1000, 'discrete bound', BOUND, 'right')
  return plot.toSvg()
}

/** @param times ascending, milliseconds @param end seconds */
function stairs(times: readonly number[], share: (index: number) => number, end: number): [number, number][] {
  const points: [number, number][] = [[0, 0]]
  let before = ''
  for (const [index, time] of times.entries()) {
    // Ten thousand steps cannot be told apart.
    const step = (time / 1000).toPrecision(4)
    if (step === before) points.pop()
    else points.push([time / 1000, share(index)])
    points.push([time / 1000, share(index + 1)])
    before = step
  }
  return [...points, [end, share(times.length)]]
}

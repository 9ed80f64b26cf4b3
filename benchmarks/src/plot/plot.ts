import type { Bar, Panel } from '../explanation.ts'
import type { Figure } from '../figure.ts'
import { formatGoal, formatNumber, formatValue } from '../format.ts'
import { axisTo, type Axis } from './axis.ts'
import { element, escapeText, text } from './svg.ts'

/** Pixels. */
const WIDTH = 860
const MARGIN = 20
const BARS_LEFT = 220
const BARS_LENGTH = 400
const TOP = 8
const PANEL_HEAD = 44
const ROW_HEIGHT = 28
const PANEL_FOOT = 30
const LEGEND_HEIGHT = 30

const INK = '#24292f'
const FAINT = '#6e7781'
const GRID = '#e4e8ec'
const FINE = '#4a7fb5'
const MISSED = '#d0633c'

const HALF_BAR = 8
const HALF_WHISKER = 4

interface Row {
  readonly bar: Bar
  readonly figure: Figure
}

/** A picture of a benchmark's figures: bars for medians, whiskers for spread, marks for goals. @returns SVG */
export function drawPlot(title: string, panels: readonly Panel[], figures: readonly Figure[]): string {
  const drawn: string[] = []
  let top = TOP
  for (const panel of panels) {
    const rows = rowsOf(panel, figures)
    if (rows.length === 0) continue
    drawn.push(...drawPanel(panel, rows, top))
    top += PANEL_HEAD + rows.length * ROW_HEIGHT + PANEL_FOOT
  }
  const height = top + LEGEND_HEIGHT
  return `${element(
    'svg',
    { xmlns: 'http://www.w3.org/2000/svg', viewBox: `0 0 ${WIDTH} ${height}`, width: WIDTH, height, 'font-family': 'system-ui, sans-serif', 'font-size': 13 },
    `\n${[
      element('title', {}, escapeText(title)),
      element('rect', { width: WIDTH, height, fill: '#ffffff' }),
      ...drawn,
      ...drawLegend(height - 14),
    ].join('\n')}\n`,
  )}\n`
}

function rowsOf({ bars }: Panel, figures: readonly Figure[]): readonly Row[] {
  return bars.flatMap((bar) => {
    const figure = figures.find(({ id }) => id === bar.figure)
    return figure === undefined ? [] : [{ bar, figure }]
  })
}

function drawPanel({ title, line }: Panel, rows: readonly Row[], top: number): readonly string[] {
  const seen = rows.flatMap(({ figure: { value, samples, goal } }) => [value, ...samples, goal?.value ?? 0])
  const axis = axisTo(Math.max(line?.value ?? 0, ...seen), BARS_LEFT, BARS_LENGTH)
  const first = top + PANEL_HEAD
  const bottom = first + rows.length * ROW_HEIGHT
  return [
    text(title, { x: MARGIN, y: top + 16, fill: INK, 'font-weight': 'bold' }),
    ...drawGrid(axis, first, bottom),
    ...rows.flatMap((row, i) => drawRow(row, axis, first + (i + 0.5) * ROW_HEIGHT)),
    ...(line === undefined ? [] : drawLine(line.label, axis.position(line.value), first, bottom)),
  ]
}

function drawGrid({ ticks, position }: Axis, top: number, bottom: number): readonly string[] {
  return ticks.flatMap((tick) => [
    vertical(position(tick), top, bottom, { stroke: GRID }),
    text(formatNumber(tick), { x: position(tick), y: bottom + 16, fill: FAINT, 'font-size': 11, 'text-anchor': 'middle' }),
  ])
}

function drawRow({ bar, figure }: Row, { position }: Axis, middle: number): readonly string[] {
  const { value, samples, goal, met } = figure
  const [zero, end] = [position(0), position(value)]
  const [least, greatest] = [position(Math.min(...samples)), position(Math.max(...samples))]
  const words = goal === undefined ? formatValue(figure) : `${formatValue(figure)}, goal ${formatGoal(figure)}`
  return [
    text(bar.label, { x: BARS_LEFT - 10, y: middle + 4, fill: INK, 'text-anchor': 'end' }),
    element('rect', { x: zero, y: middle - HALF_BAR, width: end - zero, height: 2 * HALF_BAR, fill: met === false ? MISSED : FINE }),
    ...(samples.length > 1 ? drawWhisker(least, greatest, middle) : []),
    ...(goal === undefined ? [] : [vertical(position(goal.value), middle - 12, middle + 12, { stroke: INK, 'stroke-width': 2 })]),
    text(words, { x: Math.max(end, greatest, position(goal?.value ?? 0)) + 8, y: middle + 4, fill: INK }),
  ]
}

function drawWhisker(least: number, greatest: number, middle: number): readonly string[] {
  return [
    element('line', { x1: least, y1: middle, x2: greatest, y2: middle, stroke: INK }),
    ...[least, greatest].map((x) => vertical(x, middle - HALF_WHISKER, middle + HALF_WHISKER, { stroke: INK })),
  ]
}

function drawLine(label: string, x: number, top: number, bottom: number): readonly string[] {
  return [
    vertical(x, top - 4, bottom, { stroke: INK, 'stroke-dasharray': '4 3' }),
    text(label, { x, y: top - 9, fill: FAINT, 'font-size': 11, 'text-anchor': 'middle' }),
  ]
}

function drawLegend(y: number): readonly string[] {
  const words = 'bar: median; whisker: least to greatest; thick mark: goal; orange: goal missed'
  return [text(words, { x: MARGIN, y, fill: FAINT, 'font-size': 11 })]
}

function vertical(x: number, y1: number, y2: number, attributes: Readonly<Record<string, string | number>>): string {
  return element('line', { x1: x, y1, x2: x, y2, ...attributes })
}

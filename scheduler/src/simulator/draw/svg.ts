/** Pixels of a picture, its margins included. */
export const WIDTH = 860
export const HEIGHT = 480
const MARGIN = { left: 70, right: 20, top: 44, bottom: 52 } as const

const TICKS = 6

/** From values to pixels, in the area between the margins. */
export interface Scale {
  readonly from: number
  readonly to: number
  /** What stands at the axis. */
  readonly label: string
}

/** Steps of 1, 2 or 5 times a power of ten, about `TICKS` of them. */
export function ticksOf({ from, to }: Scale): number[] {
  const rough = Math.max(to - from, Number.EPSILON) / TICKS
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = power * ([1, 2, 5].find((factor) => factor * power >= rough) ?? 10)
  const first = Math.ceil(from / step)
  const count = Math.floor(to / step + 1e-9) - first + 1
  return Array.from({ length: Math.max(0, count) }, (_, i) => Number(((first + i) * step).toPrecision(12)))
}

/** A picture with two axes, into which others draw. */
export class Plot {
  readonly #x: Scale
  readonly #y: Scale
  readonly #title: string
  readonly #parts: string[] = []

  constructor(title: string, x: Scale, y: Scale) {
    this.#title = title
    this.#x = x
    this.#y = y
  }

  x(value: number): number {
    const { from, to } = this.#x
    return MARGIN.left + ((value - from) / (to - from)) * (WIDTH - MARGIN.left - MARGIN.right)
  }

  y(value: number): number {
    const { from, to } = this.#y
    return HEIGHT - MARGIN.bottom - ((value - from) / (to - from)) * (HEIGHT - MARGIN.top - MARGIN.bottom)
  }

  line(points: readonly (readonly [number, number])[], colour: string): void {
    const path = points.map(([x, y]) => `${px(this.x(x))},${px(this.y(y))}`).join(' ')
    this.#parts.push(`<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"/>`)
  }

  /** A dashed line across the picture, with a name at its upper end, on this side of it. */
  mark(x: number, name: string, colour: string, side: 'left' | 'right'): void {
    const [at, top, bottom] = [this.x(x), this.y(this.#y.to), this.y(this.#y.from)]
    const [nameAt, anchor] = side === 'left' ? [at - 6, 'end'] : [at + 6, 'start']
    this.#parts.push(
      `<line x1="${px(at)}" y1="${px(top)}" x2="${px(at)}" y2="${px(bottom)}" stroke="${colour}" stroke-dasharray="5 4"/>`,
      `<text x="${px(nameAt)}" y="${px(top + 14)}" fill="${colour}" text-anchor="${anchor}">${escaped(name)}</text>`,
    )
  }

  /** Fills the area between two corners. */
  box([x0, y0]: readonly [number, number], [x1, y1]: readonly [number, number], colour: string): void {
    // On whole pixels, and with hard edges: else the background would shine through between neighbours.
    const [left, top, right, bottom] = [this.x(x0), this.y(y1), this.x(x1), this.y(y0)].map(Math.round) as [number, number, number, number]
    const size = `width="${right - left}" height="${bottom - top}"`
    this.#parts.push(`<rect x="${left}" y="${top}" ${size} fill="${colour}" shape-rendering="crispEdges"/>`)
  }

  /** Boxes of colour with their meaning, at the upper right, above the picture. */
  legend(entries: readonly (readonly [colour: string, name: string])[]): void {
    let right = WIDTH - MARGIN.right
    for (const [colour, name] of entries.toReversed()) {
      right -= 7 * name.length
      this.#parts.push(`<text x="${right}" y="${MARGIN.top - 12}">${escaped(name)}</text>`)
      right -= 16
      this.#parts.push(`<rect x="${right}" y="${MARGIN.top - 22}" width="12" height="12" fill="${colour}" stroke="#999"/>`)
      right -= 14
    }
  }

  /** The whole picture as an SVG document. */
  toSvg(): string {
    return [
      `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">`,
      `<rect width="${WIDTH}" height="${HEIGHT}" fill="white"/>`,
      `<text x="${MARGIN.left}" y="20" font-size="15">${escaped(this.#title)}</text>`,
      ...this.#parts,
      ...this.#axes(),
      '</svg>\n',
    ].join('\n')
  }

  #axes(): string[] {
    const [left, right] = [this.x(this.#x.from), this.x(this.#x.to)]
    const [bottom, top] = [this.y(this.#y.from), this.y(this.#y.to)]
    const xTicks = ticksOf(this.#x).flatMap((value) => [
      `<line x1="${px(this.x(value))}" y1="${px(bottom)}" x2="${px(this.x(value))}" y2="${px(bottom + 5)}" stroke="black"/>`,
      `<text x="${px(this.x(value))}" y="${px(bottom + 19)}" text-anchor="middle">${value}</text>`,
    ])
    const yTicks = ticksOf(this.#y).flatMap((value) => [
      `<line x1="${px(left - 5)}" y1="${px(this.y(value))}" x2="${px(left)}" y2="${px(this.y(value))}" stroke="black"/>`,
      `<text x="${px(left - 9)}" y="${px(this.y(value) + 4)}" text-anchor="end">${value}</text>`,
    ])
    const middle = px((top + bottom) / 2)
    return [
      `<path d="M${px(left)},${px(top)} V${px(bottom)} H${px(right)}" fill="none" stroke="black"/>`,
      ...xTicks,
      ...yTicks,
      `<text x="${px((left + right) / 2)}" y="${HEIGHT - 12}" text-anchor="middle">${escaped(this.#x.label)}</text>`,
      `<text x="18" y="${middle}" text-anchor="middle" transform="rotate(-90 18 ${middle})">${escaped(this.#y.label)}</text>`,
    ]
  }
}

function px(value: number): string {
  return String(Math.round(value * 10) / 10)
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

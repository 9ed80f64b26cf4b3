import type { Outcome } from '../simulate.ts'
import { Plot } from './svg.ts'

/** Rows and columns of the picture at most; what lies between is shown by its neighbours' rarest. */
const ROWS = 128
const COLUMNS = 128

/** From no copy to everybody: shades that differ also in grey. */
const SHADES = ['#ffffff', '#fde9c8', '#fbc98e', '#f39c63', '#dc6a52', '#b03e5a', '#762a66', '#3f1e5c', '#14123a'] as const

/** How widely each piece was spread at each time: from white, nobody, to dark, everybody. @returns an SVG document */
export function drawAvailability(title: string, { availability, completions }: Outcome): string {
  const pieces = availability[0]?.copies.length ?? 0
  const everybody = Math.max(1, ...availability.map(({ copies }) => Math.max(...copies)))
  const end = Math.max(completions.at(-1)?.completedAt ?? 0, availability.at(-1)?.at ?? 0, 1) / 1000
  const plot = new Plot(title, { from: 0, to: end, label: 'time, seconds' }, { from: 0, to: Math.max(1, pieces), label: 'piece' })
  const every = Math.ceil(availability.length / COLUMNS)
  const columns = availability.filter((_, index) => index % every === 0)
  for (const [index, { at, copies }] of columns.entries()) {
    const until = columns[index + 1]?.at ?? end * 1000
    for (const [first, past, shade] of runs(copies, everybody)) {
      if (shade > 0) plot.box([at / 1000, first], [until / 1000, past], SHADES[shade] as string)
    }
  }
  const some = Math.round(Math.sqrt(everybody))
  plot.legend([[SHADES[1], '1 peer'], [SHADES[SHADES.length >> 1] as string, `${some} peers`], [SHADES[SHADES.length - 1] as string, `${everybody} peers`]])
  return plot.toSvg()
}

/** Neighbours of one shade together: the shade follows the logarithm, since the first copies matter most. */
function* runs(copies: Int32Array, everybody: number): Generator<readonly [first: number, past: number, shade: number]> {
  const height = Math.max(1, Math.ceil(copies.length / ROWS))
  let [begun, shade] = [0, -1]
  for (let piece = 0; piece < copies.length; piece += height) {
    const rarest = Math.min(...copies.subarray(piece, piece + height))
    const its = rarest === 0 ? 0 : 1 + Math.round((Math.log(rarest) / Math.log(Math.max(everybody, 2))) * (SHADES.length - 2))
    if (its === shade) continue
    if (shade >= 0) yield [begun, piece, shade]
    begun = piece
    shade = its
  }
  if (shade >= 0) yield [begun, copies.length, shade]
}

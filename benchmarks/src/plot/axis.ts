/** Ticks that a person would choose: 1, 2 or 5 times a power of ten apart. */
const STEPS = [1, 2, 5, 10]

/** From zero to a little more than the greatest value, in pixels. */
export interface Axis {
  readonly ticks: readonly number[]
  readonly position: (value: number) => number
}

/** @param greatest of all that is to be seen; @param length in pixels */
export function axisTo(greatest: number, start: number, length: number): Axis {
  const top = greatest > 0 ? greatest : 1
  const magnitude = 10 ** Math.floor(Math.log10(top / 4))
  const step = magnitude * (STEPS.find((candidate) => candidate * magnitude * 5 >= top) ?? 10)
  const count = Math.ceil(top / step - 1e-9)
  return {
    // Multiplied, since adding up would show what floating point loses.
    ticks: Array.from({ length: count + 1 }, (_, i) => Number((i * step).toPrecision(6))),
    position: (value) => start + (value / (count * step)) * length,
  }
}

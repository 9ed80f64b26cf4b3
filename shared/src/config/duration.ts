import * as z from 'zod'

const UNITS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const
type DurationUnit = keyof typeof UNITS

const PART = String.raw`\d+(?:\.\d+)?\s*(?:ms|s|m|h|d)`
const DURATION_PATTERN = new RegExp(String.raw`^${PART}(?:\s*${PART})*$`)
const PART_PATTERN = /(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)/g

/**
 * Reads a duration as people write it: `250ms`, `30s`, `1h30m`, `7d`, or `0`.
 * A bare number other than 0 is refused, since nobody knows whether it means seconds or milliseconds.
 *
 * @returns milliseconds, or undefined when `text` is not a duration.
 */
export function parseDuration(text: string): number | undefined {
  const trimmed = text.trim().toLowerCase()
  if (trimmed === '0') return 0
  if (!DURATION_PATTERN.test(trimmed)) return undefined
  let total = 0
  for (const [, number, unit] of trimmed.matchAll(PART_PATTERN)) {
    total += Number(number) * UNITS[unit as DurationUnit]
  }
  const milliseconds = Math.round(total)
  return Number.isSafeInteger(milliseconds) ? milliseconds : undefined
}

/** The shortest exact form in one unit: `90s`, `5m`. @param milliseconds a whole number. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds === 0) return '0s'
  const names: readonly DurationUnit[] = ['d', 'h', 'm', 's', 'ms']
  const unit = names.find((name) => milliseconds % UNITS[name] === 0) ?? 'ms'
  return `${milliseconds / UNITS[unit]}${unit}`
}

/** A setting that is a length of time, written with its unit; its value is in whole milliseconds. */
export function duration(): z.ZodType<number, string | number> {
  const expected = 'a duration such as 250ms, 30s or 5m'
  return z
    .union([z.string(), z.number()], { error: `expected ${expected}` })
    .transform((input, context) => {
      const value = parseDuration(String(input))
      if (value !== undefined) return value
      context.issues.push({ code: 'custom', input, message: `'${input}' is not ${expected}` })
      return z.NEVER
    })
    .meta({ unit: 'duration' })
}

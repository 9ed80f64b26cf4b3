import * as z from 'zod'

const BINARY_STEP = 1024
const DECIMAL_STEP = 1000
const PREFIXES = ['', 'k', 'm', 'g', 't', 'p'] as const
const BINARY_NAMES = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const

const SIZE_PATTERN = /^(\d+(?:\.\d+)?)\s*([kmgtp]?)(ib|b)?$/i
const RATE_PATTERN = /^(\d+(?:\.\d+)?\s*[a-z]*?)(?:\/s|ps)?$/i
const BIT_RATE_PATTERN = /^(\d+(?:\.\d+)?)\s*([kmgtp]?)bit(?:\/s|ps)?$/i
const BITS_PER_BYTE = 8

/**
 * Reads a size as people write it: `512`, `64KiB`, `1.5 GB`.
 * `KB`, `MB`, ... are powers of 1000; `KiB`, `MiB`, ... and the bare letters `K`, `M`, ... (as curl means them)
 * powers of 1024. Case does not matter.
 *
 * @returns bytes, or undefined when `text` is not a size.
 */
export function parseByteSize(text: string): number | undefined {
  const [, number, prefix, suffix] = SIZE_PATTERN.exec(text.trim()) ?? []
  if (number === undefined || prefix === undefined) return undefined
  if (prefix === '' && suffix?.toLowerCase() === 'ib') return undefined
  return scaled(number, prefix, suffix?.toLowerCase() === 'b' ? DECIMAL_STEP : BINARY_STEP)
}

/**
 * Reads a rate: a size, optionally with `/s`, or bits as networks are sold: `10MiB/s`, `2M`, `100 Mbit/s`.
 *
 * @returns bytes per second, or undefined when `text` is not a rate.
 */
export function parseByteRate(text: string): number | undefined {
  const [, bits, prefix] = BIT_RATE_PATTERN.exec(text.trim()) ?? []
  if (bits !== undefined && prefix !== undefined) {
    const perSecond = scaled(bits, prefix, DECIMAL_STEP)
    return perSecond === undefined ? undefined : Math.round(perSecond / BITS_PER_BYTE)
  }
  const size = RATE_PATTERN.exec(text.trim())?.[1]
  return size === undefined ? undefined : parseByteSize(size)
}

/** The shortest exact form: `10MiB`, `1500B`. @param bytes a whole number. */
export function formatByteSize(bytes: number): string {
  let value = bytes
  let step = 0
  while (value !== 0 && value % BINARY_STEP === 0 && step < BINARY_NAMES.length - 1) {
    value /= BINARY_STEP
    step++
  }
  return `${value}${BINARY_NAMES[step]}`
}

/** The shortest exact form: `10MiB/s`; `0`, which often means no limit, stands alone. @param bytesPerSecond a whole number. */
export function formatByteRate(bytesPerSecond: number): string {
  return bytesPerSecond === 0 ? '0' : `${formatByteSize(bytesPerSecond)}/s`
}

/** A setting in bytes, written with or without a unit; its value is a whole number. */
export function byteSize(): z.ZodType<number, string | number> {
  return quantity(parseByteSize, 'a size such as 10MiB', 'bytes')
}

/** A setting in bytes per second, written with or without a unit; its value is a whole number. */
export function byteRate(): z.ZodType<number, string | number> {
  return quantity(parseByteRate, 'a rate such as 10MiB/s or 100Mbit/s', 'rate')
}

function quantity(
  parse: (text: string) => number | undefined,
  expected: string,
  unit: 'bytes' | 'rate',
): z.ZodType<number, string | number> {
  return z
    .union([z.string(), z.number()], { error: `expected ${expected}` })
    .transform((input, context) => {
      const value = parse(String(input))
      if (value !== undefined) return value
      context.issues.push({ code: 'custom', input, message: `'${input}' is not ${expected}` })
      return z.NEVER
    })
    .meta({ unit })
}

function scaled(number: string, prefix: string, step: number): number | undefined {
  const power = PREFIXES.findIndex((known) => known === prefix.toLowerCase())
  const value = Math.round(Number(number) * step ** power)
  return Number.isSafeInteger(value) ? value : undefined
}

import { DamselflyError, type ByteRange } from '@damselfly/shared'

const RANGE = /^(\d+)-(\d*)$/

/**
 * Reads `START-END` (both inclusive) or `START-`.
 *
 * @throws DamselflyError USAGE
 */
export function parseRange(text: string): ByteRange {
  const [, first, last] = RANGE.exec(text.trim()) ?? []
  if (first === undefined || last === undefined) {
    throw new DamselflyError('USAGE', `--range '${text}': write START-END or START-, counted in bytes from 0`)
  }
  const start = Number(first)
  const end = last === '' ? undefined : Number(last)
  if (!Number.isSafeInteger(start) || (end !== undefined && !Number.isSafeInteger(end))) {
    throw new DamselflyError('USAGE', `--range '${text}': the numbers are too large`)
  }
  if (end !== undefined && end < start) throw new DamselflyError('USAGE', `--range '${text}': the end lies before the start`)
  return { start, end }
}

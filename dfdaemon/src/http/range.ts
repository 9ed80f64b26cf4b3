import { DamselflyError } from '@damselfly/shared'

/** Both ends inclusive; bytes. */
export interface ContentRange {
  readonly start: number
  readonly end: number
}

const SINGLE_RANGE = /^bytes=(\d*)-(\d*)$/

/**
 * The one range that a Range header asks for of a content of `length` bytes. Several ranges,
 * other units and nonsense mean the whole content, as HTTP allows.
 *
 * @throws DamselflyError RANGE_UNSATISFIABLE
 */
export function parseRangeHeader(header: string | undefined, length: number): ContentRange | undefined {
  const [, first, last] = SINGLE_RANGE.exec(header?.trim() ?? '') ?? []
  if (first === undefined || last === undefined || (first === '' && last === '')) return undefined
  if (first === '') return suffix(Number(last), length)
  const start = Number(first)
  const end = last === '' ? length - 1 : Math.min(Number(last), length - 1)
  if (last !== '' && Number(last) < start) return undefined
  if (start >= length) throw unsatisfiable(length)
  return { start, end }
}

function suffix(wanted: number, length: number): ContentRange {
  if (wanted === 0 || length === 0) throw unsatisfiable(length)
  return { start: Math.max(0, length - wanted), end: length - 1 }
}

function unsatisfiable(length: number): DamselflyError {
  return new DamselflyError('RANGE_UNSATISFIABLE', `the content has ${length} bytes`)
}

import { DamselflyError } from '@damselfly/shared'

/** Both ends inclusive; bytes. */
export interface ContentRange {
  readonly start: number
  readonly end: number
}

/** One part as a header asks for it; of a suffix only its length is known. */
interface RangeSpec {
  /** Undefined: a suffix. */
  readonly first: number | undefined
  /** The last byte, or how many there are of a suffix; undefined: to the end. */
  readonly last: number | undefined
}

const UNIT = /^bytes=(?<list>.*)$/i
const SPEC = /^(?:(?<first>\d+)-(?<last>\d*)|-(?<suffix>\d+))$/

/** More parts than any client has a reason to ask for. */
const MOST_RANGES = 4096

/**
 * The one range that a Range header asks for of a content of `length` bytes. Several ranges,
 * other units and nonsense mean the whole content, as HTTP allows.
 *
 * @throws DamselflyError RANGE_UNSATISFIABLE
 */
export function parseRangeHeader(header: string | undefined, length: number): ContentRange | undefined {
  const specs = readSpecs(header)
  return specs?.length === 1 ? rangesWithin(specs, length)[0] : undefined
}

/**
 * All ranges that a Range header asks for, in its order and without those past the end. Other units, nonsense,
 * and parts that together are more than the whole mean the whole content, as HTTP allows.
 *
 * @throws DamselflyError RANGE_UNSATISFIABLE
 */
export function parseRanges(header: string | undefined, length: number): readonly ContentRange[] | undefined {
  const specs = readSpecs(header)
  if (specs === undefined) return undefined
  const ranges = rangesWithin(specs, length)
  const total = ranges.reduce((sum, { start, end }) => sum + end - start + 1, 0)
  return total > length ? undefined : ranges
}

/** @param length bytes; undefined while unknown. @returns the first byte that is asked for, 0 where that cannot be told */
export function firstByteOf(header: string | undefined, length: number | undefined): number {
  const [spec] = readSpecs(header) ?? []
  if (spec === undefined) return 0
  return spec.first ?? Math.max(0, (length ?? 0) - (spec.last ?? 0))
}

/** Whether nobody can say which bytes are meant who does not know the content's length. */
export function asksForSuffix(header: string | undefined): boolean {
  return readSpecs(header)?.some(({ first }) => first === undefined) === true
}

/** @returns undefined for what is to be ignored */
function readSpecs(header: string | undefined): readonly RangeSpec[] | undefined {
  const { list } = UNIT.exec(header?.trim() ?? '')?.groups ?? {}
  // HTTP lets lists have empty elements.
  const texts = list?.split(',').map((text) => text.trim()).filter((text) => text !== '') ?? []
  if (texts.length === 0 || texts.length > MOST_RANGES) return undefined
  const specs = texts.map(readSpec)
  return specs.every((spec) => spec !== undefined) ? specs : undefined
}

function readSpec(text: string): RangeSpec | undefined {
  const { first, last, suffix } = SPEC.exec(text)?.groups ?? {}
  if (suffix !== undefined) return { first: undefined, last: Number(suffix) }
  if (first === undefined) return undefined
  const spec = { first: Number(first), last: last === undefined || last === '' ? undefined : Number(last) }
  return spec.last !== undefined && spec.last < spec.first ? undefined : spec
}

/** @throws DamselflyError RANGE_UNSATISFIABLE when nothing is left */
function rangesWithin(specs: readonly RangeSpec[], length: number): readonly ContentRange[] {
  const ranges = specs.flatMap(({ first, last = Number.POSITIVE_INFINITY }) => {
    const range = first === undefined ? { start: Math.max(0, length - last), end: length - 1 } : { start: first, end: Math.min(last, length - 1) }
    return range.start <= range.end && range.start < length ? [range] : []
  })
  if (ranges.length === 0) throw new DamselflyError('RANGE_UNSATISFIABLE', `the content has ${length} bytes`)
  return ranges
}

import assert from 'node:assert/strict'
import { collect, isDamselflyError, MIN_PIECE_SIZE, sha256, type ByteRange, type ErrorCode, type Sha256 } from '@damselfly/shared'
import type { CdnTask, ContentSpec, OriginInfo, OriginRequest, OriginResponse } from '../../src/index.ts'
import { gather, generatedContent, type OriginContent } from '../../src/testing/index.ts'
import { readAll, specOf, whenPieces, type CdnFixture } from '../fetch-once/cdn-fixture.ts'
import { FAULTS, type FaultName } from './faults.ts'
import type { Kind } from './kinds.ts'
import { namesIn, type Listing } from './listings.ts'

/**
 * What came of an operation: the right content; all of it in place of a part; another version, whole; only its beginning;
 * parts of two versions; or why nothing.
 */
export type Outcome = 'right' | 'whole' | 'other' | 'beginning' | 'mixed' | ErrorCode

/** Two pieces and some bytes, as many as nobody else's content has. */
const SIZE = 2 * MIN_PIECE_SIZE + 100
const MOST = SIZE + 1000
const VERSIONS = [1, 2].map((seed) => generatedContent(MOST, seed)) as [Buffer, Buffer]

/** One fault of one kind of origin, and what meets it. */
export class Encounter {
  readonly #kind: Kind
  readonly #fixture: CdnFixture
  readonly #fault: FaultName
  readonly #nth: number
  /** Bytes. */
  readonly size: number
  /** More than a piece, and neither its first nor its last byte is that of one. */
  readonly part: ByteRange
  readonly digest: Sha256

  /** @param nth that nobody else has at this origin, below 1000 */
  constructor(kind: Kind, fixture: CdnFixture, fault: FaultName, nth: number) {
    this.#kind = kind
    this.#fixture = fixture
    this.#fault = fault
    this.#nth = nth
    this.size = SIZE + nth
    this.part = { start: 1000, end: this.size - 1000 }
    this.digest = sha256(VERSIONS[0].subarray(0, this.size))
  }

  /** Of what the operation gives. @throws what is neither an outcome nor an error of ours */
  async outcome(operation: Operation): Promise<Outcome> {
    try {
      return await OPERATIONS[operation](this)
    } catch (error) {
      if (isDamselflyError(error) && error.code !== 'INTERNAL') return error.code
      throw error
    }
  }

  get url(): string {
    return this.#kind.url(this.#fixture.origin, `f-${this.#nth}`, this.digest)
  }

  request(more: Partial<OriginRequest> = {}): OriginRequest {
    return { url: this.url, headers: new Map(), signal: new AbortController().signal, ...more }
  }

  spec(more: Parameters<typeof specOf>[1] = {}): ContentSpec {
    const isKnown = this.#kind.namesDigest && more.range === undefined
    return specOf(this.url, { ...(isKnown ? { expectedDigest: this.digest } : {}), ...more })
  }

  get fixture(): CdnFixture {
    return this.#fixture
  }

  /** Nothing is wrong. */
  behave(content: OriginContent = {}): void {
    this.#fixture.origin.add(this.#path, { size: this.size, ...content })
  }

  /** From now on, or from the request after so many GETs. */
  fail(after?: number): void {
    const { gets, heads } = this.#fixture.origin.stats(this.#path)
    const [good, other] = [{ size: this.size }, { size: this.size, seed: 2 }]
    const wrong = FAULTS[this.#fault]({ good, other, asked: gets + heads + (after ?? 0), path: this.#path })
    if (after === undefined) this.#fixture.origin.add(this.#path, wrong)
    else this.behave({ later: { after: gets + after, content: wrong } })
  }

  /** What is listed where the listing itself goes wrong. */
  async listed(listing: Listing): Promise<Outcome> {
    const { origin, source } = this.#fixture
    const name = `l-${this.#nth}`
    const path = listing.path(name)
    const [good, other] = [{ body: listing.body('good') }, { body: listing.body('other') }]
    origin.add(path, FAULTS[this.#fault]({ good, other, asked: 0, path }))
    const { headers, signal } = this.request()
    const names = listing.namesOf(await gather(source.list?.({ url: listing.url(origin, name), headers, signal })))
    if (names === namesIn(listing, 'good')) return 'right'
    if (names === namesIn(listing, 'other')) return 'other'
    throw new Error(`'${names}', which no version has, was taken for a listing`)
  }

  get listing(): Listing | undefined {
    return this.#kind.listing
  }

  get #path(): string {
    return this.#kind.path(`f-${this.#nth}`, this.digest)
  }
}

const OPERATIONS = {
  probe: async (met) => {
    met.fail()
    return toldBy(await met.fixture.source.probe(met.request()), met)
  },
  'probe what is known': async (met) => {
    met.behave()
    const { validators: known } = await met.fixture.source.probe(met.request())
    met.fail()
    const info = await met.fixture.source.probe(met.request({ known }))
    if (info.isUnchanged === true) return 'right'
    return info.validators.etag === known.etag ? toldBy(info, met) : 'other'
  },
  read: async (met) => {
    met.fail()
    return await gotFrom(await met.fixture.source.read(met.request()), undefined, met)
  },
  'read a part': async (met) => {
    met.fail()
    return await gotFrom(await met.fixture.source.read(met.request({ range: met.part })), met.part, met)
  },
  'read the rest': async (met) => {
    met.behave()
    const { validators: ifMatch } = await met.fixture.source.probe(met.request())
    met.fail()
    const rest = { start: MIN_PIECE_SIZE }
    return await gotFrom(await met.fixture.source.read(met.request({ range: rest, ifMatch })), rest, met)
  },
  fetch: async (met) => {
    met.fail()
    return await fetched(met, met.spec())
  },
  'fetch a part': async (met) => {
    met.fail()
    return await fetched(met, met.spec({ range: met.part }))
  },
  'fetch by digest': async (met) => {
    met.fail()
    return await fetched(met, met.spec({ expectedDigest: met.digest }))
  },
  'fetch by several requests': async (met) => {
    met.fail(1)
    return await fetched(met, met.spec())
  },
  'fetch the rest after a restart': async (met) => {
    met.behave({ pauseAfter: MIN_PIECE_SIZE + 7 })
    await whenPieces(await met.fixture.obtain(met.spec()), 1)
    await met.fixture.restart()
    met.fail()
    return await fetched(met, met.spec())
  },
  'ask for what is held': async (met) => {
    met.behave()
    await met.fixture.obtainWhole(met.spec())
    met.fail()
    return await fetched(met, met.spec())
  },
  list: async (met) => await met.listed(met.listing ?? assert.fail('no listing')),
} as const satisfies Record<string, (met: Encounter) => Promise<Outcome>>

export type Operation = keyof typeof OPERATIONS

export const ALL_OPERATIONS = Object.keys(OPERATIONS) as readonly Operation[]

function toldBy({ contentLength }: OriginInfo, { size }: Encounter): Outcome {
  return contentLength === undefined || contentLength === size ? 'right' : 'other'
}

async function gotFrom(response: OriginResponse, range: ByteRange | undefined, { size }: Encounter): Promise<Outcome> {
  const bytes = await collect(response.body)
  const isWhole = range !== undefined && response.start === 0
  const outcome = judge(bytes, isWhole ? undefined : range, size)
  return isWhole && outcome === 'right' ? 'whole' : outcome
}

/** Whatever came of it, what is kept of it is of one version. */
async function fetched({ fixture, size }: Encounter, spec: ContentSpec): Promise<Outcome> {
  try {
    return judge(await readAll(await fixture.obtainWhole(spec)), spec.range, size)
  } catch (error) {
    const stored = await fixture.store.open(spec.taskId)
    if (stored !== undefined) await checkKept(stored, spec.range, size)
    throw error
  }
}

async function checkKept(stored: CdnTask['stored'], range: ByteRange | undefined, size: number): Promise<void> {
  const versions = new Set<Outcome>()
  for (const index of stored.have().members()) {
    const { offset, length } = stored.layout?.piece(index) ?? { offset: index * stored.record.pieceSize, length: stored.record.pieceSize }
    const bytes = Buffer.alloc(length)
    await stored.read(index, 0, bytes)
    const start = (range?.start ?? 0) + offset
    versions.add(judge(bytes, { start, end: start + length - 1 }, size))
  }
  if (versions.size > 1) throw new Error('two versions are kept as one')
}

/** @throws when the bytes are of no version */
function judge(bytes: Uint8Array, range: ByteRange | undefined, size: number): Outcome {
  const { start, end = size - 1 } = range ?? { start: 0 }
  const [right, changed] = VERSIONS.map((version) => version.subarray(start, end + 1)) as [Buffer, Buffer]
  if (right.equals(bytes)) return 'right'
  if (changed.equals(bytes)) return 'other'
  if (bytes.length < right.length && right.subarray(0, bytes.length).equals(bytes)) return 'beginning'
  const same = bytes.findIndex((byte, at) => byte !== right[at])
  if (bytes.length === right.length && changed.subarray(same).equals(bytes.subarray(same))) return 'mixed'
  throw new Error(`${bytes.length} bytes that no version has were taken for bytes ${start}-${end}`)
}

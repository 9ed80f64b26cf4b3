import type { FaultName } from './faults.ts'
import type { KindName } from './kinds.ts'
import type { Operation, Outcome } from './operations.ts'

/** What is expected of the operations of each sort, and which of them differ. */
interface Row {
  /** Asking without a body. */
  readonly probing: Outcome
  /** One answer with a body. */
  readonly reading: Outcome
  /** As many answers as the CDN thinks worth it. */
  readonly fetching: Outcome
  /** A content that is held already. */
  readonly asking: Outcome
  /** What contents there are. @default as reading */
  readonly listing?: Outcome
  readonly but?: Partial<Record<Operation, Outcome>>
  /** Where a kind of origin differs from HTTP. */
  readonly for?: Partial<Record<KindName, Partial<Record<Operation, Outcome>>>>
}

const READS = ['read', 'read a part', 'read the rest'] as const
const FETCHES = ['fetch', 'fetch a part', 'fetch by digest', 'fetch by several requests', 'fetch the rest after a restart'] as const

const all = (outcome: Outcome): Row => ({ probing: outcome, reading: outcome, fetching: outcome, asking: outcome })

function each(operations: readonly Operation[], outcome: Outcome): Partial<Record<Operation, Outcome>> {
  return Object.fromEntries(operations.map((operation) => [operation, outcome]))
}

/** Nothing has to be asked about what a digest names. */
const HELD_BY_DIGEST = { oci: { 'ask for what is held': 'right' } } as const

/** A manifest or a page of keys is asked for as a whole: where parts go wrong nothing is wrong with it. */
const LISTED_WHOLE = each(['list'], 'right')

/** Its client does not tell why a page of keys ended too soon. */
const PAGE_BROKE = { s3: each(['list'], 'ORIGIN_UNREACHABLE') } as const

/** A blob that has not its digest is found out, but a part of it cannot be. */
const FOUND_OUT = each(FETCHES, 'DIGEST_MISMATCH')

const WRONG_PLACE: Row = {
  probing: 'right',
  reading: 'ORIGIN_STATUS',
  fetching: 'ORIGIN_STATUS',
  asking: 'right',
  but: { read: 'right', fetch: 'right', 'fetch by digest': 'right', ...LISTED_WHOLE },
}

const TABLE: Record<FaultName, Row> = {
  'breaks off once': { probing: 'right', reading: 'ORIGIN_SHORT', fetching: 'right', asking: 'right', for: PAGE_BROKE },
  'breaks off each answer before its first byte': { probing: 'right', reading: 'ORIGIN_SHORT', fetching: 'ORIGIN_SHORT', asking: 'right', for: PAGE_BROKE },
  'breaks off without saying how long it is': {
    probing: 'right',
    reading: 'ORIGIN_SHORT',
    fetching: 'right',
    asking: 'right',
    but: { read: 'ORIGIN_UNREACHABLE', list: 'ORIGIN_UNREACHABLE' },
  },
  'announces more than it has': {
    probing: 'other',
    reading: 'ORIGIN_SHORT',
    fetching: 'ORIGIN_SHORT',
    asking: 'right',
    but: { 'probe what is known': 'right', 'fetch a part': 'RANGE_UNSATISFIABLE' },
    for: { oci: { 'probe what is known': 'other' }, s3: { ...PAGE_BROKE.s3, 'probe what is known': 'other' } },
  },
  'announces less than it has': {
    probing: 'other',
    reading: 'ORIGIN_LONG',
    fetching: 'ORIGIN_LONG',
    asking: 'right',
    but: { 'probe what is known': 'right', 'fetch a part': 'RANGE_UNSATISFIABLE' },
    for: {
      oci: { 'probe what is known': 'other' },
      // Its client shows nobody what comes behind the end that was announced.
      s3: {
        ...PAGE_BROKE.s3,
        ...each([...READS, ...FETCHES], 'beginning'),
        'probe what is known': 'other',
        'fetch a part': 'RANGE_UNSATISFIABLE',
        'fetch by digest': 'DIGEST_MISMATCH',
      },
    },
  },
  'ignores ranges': {
    probing: 'right',
    reading: 'whole',
    fetching: 'right',
    asking: 'right',
    but: { read: 'right', 'fetch a part': 'RANGE_UNSATISFIABLE', ...LISTED_WHOLE },
  },
  'tells another place of a part': WRONG_PLACE,
  'tells no place of a part': WRONG_PLACE,
  'tells another length with a part': { ...all('right'), but: { 'fetch by several requests': 'RANGE_UNSATISFIABLE' } },
  'changes in the middle': {
    probing: 'right',
    reading: 'ORIGIN_SHORT',
    fetching: 'other',
    asking: 'right',
    but: { 'fetch by digest': 'DIGEST_MISMATCH' },
    for: { ...PAGE_BROKE, oci: { ...FOUND_OUT, 'fetch a part': 'mixed' } },
  },
  // Against a lie about the version nothing helps but a digest.
  'has other bytes under the same tag': {
    probing: 'right',
    reading: 'other',
    fetching: 'other',
    asking: 'right',
    but: { 'fetch by digest': 'DIGEST_MISMATCH', 'fetch by several requests': 'mixed', 'fetch the rest after a restart': 'mixed' },
    for: { oci: { ...FOUND_OUT, 'fetch a part': 'other' } },
  },
  'has other bytes and no tag': {
    probing: 'right',
    reading: 'other',
    fetching: 'other',
    asking: 'other',
    but: { 'probe what is known': 'other', 'read the rest': 'ORIGIN_CHANGED', 'fetch by digest': 'DIGEST_MISMATCH' },
    for: { oci: { ...FOUND_OUT, ...HELD_BY_DIGEST.oci, 'probe what is known': 'right', 'read the rest': 'other', 'fetch a part': 'other' } },
  },
  'is out of order for a moment': { probing: 'ORIGIN_STATUS', reading: 'ORIGIN_STATUS', fetching: 'right', asking: 'right' },
  'wants a pause': { probing: 'ORIGIN_STATUS', reading: 'ORIGIN_STATUS', fetching: 'right', asking: 'right' },
  'is out of order': { ...all('ORIGIN_STATUS'), for: HELD_BY_DIGEST },
  'redirects to itself': { ...all('ORIGIN_REDIRECTS'), for: { ...HELD_BY_DIGEST, s3: everything('ORIGIN_STATUS') } },
  'redirects to a private address': { ...all('ORIGIN_FORBIDDEN'), for: { ...HELD_BY_DIGEST, s3: everything('ORIGIN_STATUS') } },
  'is slow': all('right'),
  'says nothing': { ...all('ORIGIN_UNREACHABLE'), for: HELD_BY_DIGEST },
  'says nothing after its head': { probing: 'right', reading: 'ORIGIN_UNREACHABLE', fetching: 'ORIGIN_UNREACHABLE', asking: 'right' },
  'breaks off in its head': { ...all('ORIGIN_UNREACHABLE'), for: HELD_BY_DIGEST },
  'has an endless head': { ...all('ORIGIN_STATUS'), for: { ...HELD_BY_DIGEST, s3: everything('ORIGIN_UNREACHABLE') } },
  'is no web server': { ...all('ORIGIN_STATUS'), for: { ...HELD_BY_DIGEST, s3: everything('ORIGIN_UNREACHABLE') } },
  'encodes what nobody wants encoded': all('right'),
}

function everything(outcome: Outcome): Partial<Record<Operation, Outcome>> {
  return cells(all(outcome))
}

function cells({ probing, reading, fetching, asking, listing = reading }: Row): Record<Operation, Outcome> {
  return {
    ...each(['probe', 'probe what is known'], probing),
    ...each(READS, reading),
    ...each(FETCHES, fetching),
    'ask for what is held': asking,
    list: listing,
  } as Record<Operation, Outcome>
}

/** What each operation has to come to. */
export function expected(fault: FaultName, kind: KindName): Record<Operation, Outcome> {
  const row = TABLE[fault]
  return { ...cells(row), ...row.but, ...row.for?.[kind] }
}

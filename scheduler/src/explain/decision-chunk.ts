import type { PeerId, TaskId } from '@damselfly/shared'
import type { BackToSourceReason, PieceOrder, SchedulerEvent } from '../contract.ts'
import { type AssignmentOutcome, type AssignmentView, BASES, type Candidate, MOST_CANDIDATES, OUTCOMES, VERDICTS } from './decision-observer.ts'
import type { Decision } from './decision.ts'

/** How many decisions a chunk has room for. Few, since most contents are small, and of each there is a chunk at least. */
export const CHUNK_SIZE = 16

const TYPES = ['joined', 'assigned', 'back-to-source'] as const
const ORDERS: readonly PieceOrder[] = ['rarest-first', 'in-order']
/** Added to the order's code. */
const IN_BACKGROUND = 16
const REASONS: readonly BackToSourceReason[] = ['origin-failed', 'no-parent']
const TRIGGERS = Object.keys({
  'peer-joined': 0,
  'peer-left': 0,
  'capacity-changed': 0,
  'task-registered': 0,
  'task-removed': 0,
  'child-joined': 0,
  'child-left': 0,
  'pieces-available': 0,
  'pieces-dropped': 0,
  'uploads-shut': 0,
  'pieces-wanted': 0,
  'piece-done': 0,
  'piece-failed': 0,
  'origin-failed': 0,
  'parent-caught': 0,
  tick: 0,
} satisfies Record<SchedulerEvent['type'], 0>) as readonly SchedulerEvent['type'][]

/** In milliseconds, relative to the decision: how long the child had waited, how long it took, then the candidates' blocks. */
const DURATIONS = 2 + MOST_CANDIDATES
/** Piece, peers, holders, copies. */
const COUNTS = 4
/** Type, basis or reason, order, trigger, outcome, number of candidates, then the candidates' verdicts. */
const CODES = 6 + MOST_CANDIDATES
/** Child, parent, who triggered it, then the candidates. */
const PEERS = 3 + MOST_CANDIDATES

const UNDER_WAY = 255
/** Added to the verdict of the CDN. */
const OF_CDN = 128

/** A stretch of one task's decisions, in arrays that are made once and used again, so that to write one down makes no garbage. */
export class DecisionChunk {
  task: TaskId
  /** The number of its first decision. */
  first: number
  count = 0
  readonly #times = new Float64Array(CHUNK_SIZE)
  readonly #durations = new Float32Array(CHUNK_SIZE * DURATIONS)
  readonly #counts = new Int32Array(CHUNK_SIZE * COUNTS)
  readonly #codes = new Uint8Array(CHUNK_SIZE * CODES)
  readonly #peers: (PeerId | undefined)[] = Array.from({ length: CHUNK_SIZE * PEERS })

  constructor(task: TaskId, first: number) {
    this.task = task
    this.first = first
  }

  /** Forgets everything, for another stretch. */
  reuse(task: TaskId, first: number): void {
    this.task = task
    this.first = first
    this.count = 0
  }

  addJoin(child: PeerId, order: PieceOrder, at: number): void {
    const row = this.#addRow('joined', child, at)
    this.#codes[row * CODES + 2] = ORDERS.indexOf(order)
  }

  addSource(child: PeerId, reason: BackToSourceReason, at: number): void {
    const row = this.#addRow('back-to-source', child, at)
    this.#codes[row * CODES + 1] = REASONS.indexOf(reason)
  }

  addAssignment(view: AssignmentView): void {
    const row = this.#addRow('assigned', view.child, view.at)
    const [codes, counts, peers] = [row * CODES, row * COUNTS, row * PEERS]
    this.#codes[codes + 1] = BASES.indexOf(view.basis)
    this.#codes[codes + 2] = ORDERS.indexOf(view.order) + (view.priority === 'background' ? IN_BACKGROUND : 0)
    this.#codes[codes + 3] = TRIGGERS.indexOf(view.trigger)
    this.#codes[codes + 4] = UNDER_WAY
    this.#codes[codes + 5] = view.candidateCount
    this.#durations[row * DURATIONS] = view.at - view.openSince
    this.#counts[counts] = view.piece
    this.#counts[counts + 1] = view.peers
    this.#counts[counts + 2] = view.holders
    this.#counts[counts + 3] = view.copies
    this.#peers[peers + 1] = view.parent
    this.#peers[peers + 2] = view.triggerPeer
    for (let i = 0; i < view.candidateCount; i++) this.#setCandidate(row, i, view.candidates[i] as Candidate)
  }

  end(row: number, outcome: AssignmentOutcome, now: number): void {
    this.#codes[row * CODES + 4] = OUTCOMES.indexOf(outcome)
    this.#durations[row * DURATIONS + 1] = now - (this.#times[row] as number)
  }

  /** Whether the decision is about this child and piece; undefined: any. */
  matches(row: number, child: PeerId | undefined, piece: number | undefined): boolean {
    if (child !== undefined && this.#peers[row * PEERS] !== child) return false
    return piece === undefined || (this.#typeOf(row) === 'assigned' ? this.#counts[row * COUNTS] === piece : child !== undefined)
  }

  childOf(row: number): PeerId {
    return this.#peers[row * PEERS] as PeerId
  }

  decision(row: number): Decision {
    const codes = row * CODES
    const made = { number: this.first + row, at: this.#times[row] as number, child: this.childOf(row) }
    const order = ORDERS[(this.#codes[codes + 2] as number) % IN_BACKGROUND] as PieceOrder
    switch (this.#typeOf(row)) {
      case 'joined':
        return { type: 'joined', ...made, order }
      case 'back-to-source':
        return { type: 'back-to-source', ...made, reason: REASONS[this.#codes[codes + 1] as number] as BackToSourceReason }
      case 'assigned':
        return { type: 'assigned', ...made, order, ...this.#assignment(row) }
    }
  }

  #assignment(row: number) {
    const [codes, counts, peers] = [row * CODES, row * COUNTS, row * PEERS]
    const outcome = this.#codes[codes + 4] as number
    const isOver = outcome !== UNDER_WAY
    return {
      piece: this.#counts[counts] as number,
      parent: this.#peers[peers + 1] as PeerId,
      basis: BASES[this.#codes[codes + 1] as number] as (typeof BASES)[number],
      priority: (this.#codes[codes + 2] as number) < IN_BACKGROUND ? ('foreground' as const) : ('background' as const),
      waitedMs: this.#durations[row * DURATIONS] as number,
      trigger: TRIGGERS[this.#codes[codes + 3] as number] as SchedulerEvent['type'],
      triggerPeer: this.#peers[peers + 2],
      peers: this.#counts[counts + 1] as number,
      holders: this.#counts[counts + 2] as number,
      copies: this.#counts[counts + 3] as number,
      candidates: Array.from({ length: this.#codes[codes + 5] as number }, (_, i) => this.#candidate(row, i)),
      outcome: isOver ? OUTCOMES[outcome] : undefined,
      tookMs: isOver ? this.#durations[row * DURATIONS + 1] : undefined,
    }
  }

  #addRow(type: (typeof TYPES)[number], child: PeerId, at: number): number {
    const row = this.count++
    this.#times[row] = at
    this.#codes[row * CODES] = TYPES.indexOf(type)
    this.#peers[row * PEERS] = child
    return row
  }

  #setCandidate(row: number, i: number, { peer, isCdn, verdict, blockedForMs }: Candidate): void {
    this.#peers[row * PEERS + 3 + i] = peer
    this.#codes[row * CODES + 6 + i] = VERDICTS.indexOf(verdict) + (isCdn ? OF_CDN : 0)
    this.#durations[row * DURATIONS + 2 + i] = blockedForMs
  }

  #candidate(row: number, i: number): Candidate {
    const code = this.#codes[row * CODES + 6 + i] as number
    return {
      peer: this.#peers[row * PEERS + 3 + i] as PeerId,
      isCdn: code >= OF_CDN,
      verdict: VERDICTS[code % OF_CDN] as Candidate['verdict'],
      blockedForMs: this.#durations[row * DURATIONS + 2 + i] as number,
    }
  }

  #typeOf(row: number): (typeof TYPES)[number] {
    return TYPES[this.#codes[row * CODES] as number] as (typeof TYPES)[number]
  }
}

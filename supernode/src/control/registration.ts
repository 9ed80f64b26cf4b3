import {
  Bitset,
  DamselflyError,
  PieceLayout,
  taskIdToBytes,
  toDamselflyError,
  type Clock,
  type ErrorCode,
  type PeerId,
  type TaskId,
} from '@damselfly/shared'
import type { Logger } from '@damselfly/shared/logging'
import { toNumber, type Register } from '@damselfly/shared/wire'
import type { ContentSpec } from '@damselfly/cdn'
import type { PieceOrder } from '@damselfly/scheduler'
import type { BlockRules } from '../rules/block-rules.ts'
import type { Preheats } from '../preheat/preheats.ts'
import type { SupernodeMetrics } from '../metrics/supernode-metrics.ts'
import { orAborted, type Admission } from '../swarm/admission.ts'
import type { ChildAccess } from '../swarm/member.ts'
import type { UseLedger } from '../swarm/use-ledger.ts'
import type { Swarm } from '../swarm/swarm.ts'
import type { TaskRegistry } from '../swarm/task-registry.ts'
import type { Task } from '../swarm/task.ts'
import { memberInit, ruledPeerOf, type ConnectedPeer } from './connected-peer.ts'
import { FetchPlaces } from './fetch-places.ts'
import { readInlineContent } from './inline-content.ts'
import { INLINE_CONTENT_BYTES, type ControlLimits } from './limits.ts'
import { readCredentials, readSpec } from './peer-words.ts'

/** How long an answer waits for a small content to come in; milliseconds. */
const INLINE_PATIENCE_MS = 2000

/** Errors that speak of this machine or program, not of the content or its origin. */
const OWN_TROUBLES: ReadonlySet<ErrorCode> = new Set(['DISK_FULL', 'DISK_DENIED', 'DISK_FAILED', 'STORE_LOCKED', 'INTERNAL'])

export interface RegistrarDeps {
  readonly blocks: BlockRules
  readonly tasks: TaskRegistry
  readonly admission: Admission
  readonly preheats: Pick<Preheats, 'credentialsFor'>
  readonly uses: Pick<UseLedger, 'hit' | 'served'>
  /** Told who asks for what. */
  readonly demanded: (taskId: TaskId, peer: PeerId) => void
  readonly limits: ControlLimits
  readonly clock: Clock
  readonly metrics: SupernodeMetrics
  readonly logger: Logger
}

/** Answers registrations: makes sure that the content can be had, then lets the child into the swarm. */
export class Registrar {
  readonly #deps: RegistrarDeps
  readonly #places: FetchPlaces

  constructor(deps: RegistrarDeps) {
    this.#deps = deps
    this.#places = new FetchPlaces(deps.limits.fetchesPerPeer)
  }

  /** Answers that it cannot be taken now. */
  refuse(peer: ConnectedPeer, { requestId }: Register, why: string): void {
    this.#refuse(peer, requestId, { code: 'SUPERNODE_OVERLOADED', message: why })
  }

  /** Answers, unless the peer is gone by then. Never throws. @param fetches called when a content is fetched for this peer */
  async register(peer: ConnectedPeer, register: Register, fetches: () => void = () => undefined): Promise<void> {
    try {
      await this.#admit(peer, register, fetches)
      this.#deps.metrics.registered('ok')
    } catch (error) {
      if (peer.gone.signal.aborted) return
      this.#refuse(peer, register.requestId, this.#refusalOf(error, peer))
    }
  }

  #refuse(peer: ConnectedPeer, requestId: number, { code, message }: Pick<DamselflyError, 'code' | 'message'>): void {
    this.#deps.metrics.registered(code)
    peer.session.send({ case: 'registered', value: { requestId, errorCode: code, errorMessage: message } })
  }

  /** What of an error concerns the peer: the supernode's own troubles are not its disk's or its fault. */
  #refusalOf(thrown: unknown, peer: ConnectedPeer): DamselflyError {
    const error = toDamselflyError(thrown)
    if (!OWN_TROUBLES.has(error.code)) return error
    this.#deps.logger.error({ err: error, peer: peer.peer }, 'a registration failed')
    return new DamselflyError('SUPERNODE_OVERLOADED', 'the supernode cannot take the content now; its log says why')
  }

  async #admit(peer: ConnectedPeer, register: Register, fetches: () => void): Promise<void> {
    const spec = readSpec(register.spec)
    const { limits, tasks, blocks } = this.#deps
    blocks.checkDownload(ruledPeerOf(peer), spec)
    // Nothing is made of the task until it is its turn.
    const isShared = tasks.get(spec.taskId)?.swarm.hasChildren === true
    const giveBack = isShared ? undefined : await this.#places.take(peer.peer, peer.gone.signal)
    const wasHere = isHere(tasks.get(spec.taskId))
    try {
      if (!peer.tasks.has(spec.taskId) && peer.tasks.size >= limits.tasksPerPeer) {
        throw new DamselflyError('SUPERNODE_OVERLOADED', `this peer has ${peer.tasks.size} tasks already`)
      }
      if (!tasks.hasRoomFor(spec.taskId)) throw new DamselflyError('SUPERNODE_OVERLOADED', 'too many tasks are known already')
      await this.#letIn(peer, register, spec, fetches)
    } finally {
      if (wasHere) giveBack?.()
      else if (giveBack !== undefined) void whenFetched(tasks.get(spec.taskId)).then(giveBack)
    }
  }

  async #letIn(peer: ConnectedPeer, register: Register, spec: ContentSpec, fetches: () => void): Promise<void> {
    const { tasks, admission, blocks, clock } = this.#deps
    const order = readOrder(register.order)
    const given = readCredentials(register.spec?.url ?? '', register.credentials)
    const credentials = this.#deps.preheats.credentialsFor(peer.peer, spec.taskId, given)
    const task = tasks.use(spec)
    this.#deps.demanded(spec.taskId, peer.peer)
    const { signal } = peer.gone
    const wasHere = isHere(task)
    if (order === 'in-order' && (register.wantedFrom > 0n || task.source.task === undefined)) task.source.wantFrom(toNumber(register.wantedFrom, 'wanted byte'))
    task.waiting.add(peer.peer)
    if (!wasHere && task.source.state.type !== 'starting') fetches()
    let content: Uint8Array | undefined
    let allowedMs: number
    try {
      allowedMs = await admission.admit(task, { peer: peer.peer, spec, credentials, signal })
      content = await this.#smallContent(task, signal)
    } finally {
      task.waiting.delete(peer.peer)
    }
    signal.throwIfAborted()
    // A rule may have been made meanwhile.
    blocks.checkDownload(ruledPeerOf(peer), spec)
    if (wasHere || isFromBefore(task)) this.#deps.uses.hit(spec.taskId)
    this.#answer(peer, register.requestId, task.swarm, content)
    const access = { spec, credentials, allowedUntil: clock.now() + allowedMs }
    this.#join(peer, task.swarm, order, access, register)
  }

  /** A small content that the CDN holds or has in a moment. */
  async #smallContent({ swarm, source }: Task, signal: AbortSignal): Promise<Uint8Array | undefined> {
    const length = swarm.content.layout?.contentLength
    if (source.task === undefined || length === undefined || length > INLINE_CONTENT_BYTES) return undefined
    if (source.state.type === 'fetching') {
      const patience = Promise.withResolvers<void>()
      const cancel = this.#deps.clock.after(INLINE_PATIENCE_MS, patience.resolve)
      const ended = source.nextChange().then(() => undefined)
      await orAborted(Promise.race([ended, patience.promise]), signal).finally(cancel)
    }
    const { state } = source
    if (state.type === 'failed' && swarm.content.layout === undefined) throw state.error
    return state.type === 'complete' ? readInlineContent(state.task.stored, length) : undefined
  }

  #answer(peer: ConnectedPeer, requestId: number, { taskId, content }: Swarm, inline: Uint8Array | undefined): void {
    const { pieceSize, layout, validators, isPrivate } = content
    if (inline !== undefined) this.#deps.uses.served(taskId, inline.length)
    if (pieceSize === undefined) throw new DamselflyError('ORIGIN_CHANGED', 'the content changed while it was asked for')
    peer.session.send({
      case: 'registered',
      value: {
        requestId,
        taskId: taskIdToBytes(taskId),
        pieceSize,
        ...(layout === undefined ? {} : { contentLength: BigInt(layout.contentLength) }),
        validators: { ...validators },
        privateContent: isPrivate,
        ...(inline === undefined ? {} : { content: inline }),
      },
    })
  }

  #join(peer: ConnectedPeer, swarm: Swarm, order: PieceOrder, access: ChildAccess, register: Register): void {
    peer.tasks.add(swarm.taskId)
    const member = swarm.joinChild(memberInit(peer, access.spec.url), order, access)
    const { layout } = swarm.content
    const held = readHeld(register)
    if (held === undefined || layout === undefined) return
    if (held.layout.contentLength !== layout.contentLength || held.layout.pieceSize !== layout.pieceSize) return
    swarm.claim(member, [...held.pieces.members()].map((index) => [index, undefined] as const))
  }
}

/** Whether nobody need fetch it for this caller. */
function isHere(task: Task | undefined): boolean {
  return task !== undefined && (task.source.task !== undefined || task.swarm.isAvailable)
}

/** Resolves when the CDN fetches it no more. */
async function whenFetched(task: Task | undefined): Promise<void> {
  while (task?.source.state.type === 'fetching') await task.source.nextChange()
}

/** The CDN had it on its disk since an earlier run. */
function isFromBefore({ source: { state } }: Task): boolean {
  return state.type === 'complete' && state.task.originBytes === 0
}

function readOrder(order: string): PieceOrder {
  if (order === 'rarest-first' || order === 'in-order') return order
  throw new DamselflyError('PROTOCOL', `'${order.slice(0, 32)}' is no piece order`)
}

/** Undefined when the peer holds nothing, or says so in a way that cannot be. */
function readHeld({ held, heldContentLength, heldPieceSize }: Register): { layout: PieceLayout; pieces: Bitset } | undefined {
  if (held.length === 0) return undefined
  try {
    const layout = new PieceLayout(toNumber(heldContentLength, 'content length'), heldPieceSize)
    return { layout, pieces: Bitset.fromBytes(held, layout.pieceCount) }
  } catch {
    return undefined
  }
}

import { Bitset, DamselflyError, PieceLayout, sha256, type HeaderMap, type Sha256, type TaskId } from '@damselfly/shared'
import type { Cdn, CdnTask, CdnTaskListener, CdnTaskState, ContentSpec, FreshnessVerdict, HeldVersion } from '@damselfly/cdn'
import type { StoredTask, TaskRecord } from '@damselfly/exchange'

/** What an origin of the fake CDN serves. */
export interface FakeContent {
  readonly bytes: Uint8Array
  readonly pieceSize: number
  readonly etag?: string
  readonly lengthIsKnown?: boolean
  /** The one Authorization header that opens it. */
  readonly authorization?: string
}

export function pieceOf({ bytes, pieceSize }: FakeContent, index: number): Uint8Array {
  return bytes.subarray(index * pieceSize, (index + 1) * pieceSize)
}

export function digestOf(content: FakeContent, index: number): Sha256 {
  return sha256(pieceOf(content, index))
}

export function pieceCountOf({ bytes, pieceSize }: FakeContent): number {
  return Math.ceil(bytes.length / pieceSize)
}

/** A CDN task that goes on only when the test says so. */
export class FakeCdnTask implements CdnTask {
  readonly spec: ContentSpec
  readonly content: FakeContent
  state: CdnTaskState = { type: 'fetching' }
  readonly #listeners = new Set<CdnTaskListener>()
  readonly #have: Bitset
  #layout: PieceLayout | undefined

  constructor(spec: ContentSpec, content: FakeContent) {
    this.spec = spec
    this.content = content
    this.#have = new Bitset(pieceCountOf(content))
    if (content.lengthIsKnown !== false) this.#layout = new PieceLayout(content.bytes.length, content.pieceSize)
  }

  /** Where somebody reads, by the last word. */
  wantedFrom = 0

  wantFrom(position: number): void {
    this.wantedFrom = position
  }

  get isPrivate(): boolean {
    return this.content.authorization !== undefined
  }

  get originBytes(): number {
    return this.#have.count * this.content.pieceSize
  }

  get stored(): StoredTask {
    const { content } = this
    const record: Pick<TaskRecord, 'pieceSize' | 'etag' | 'lastModified'> = {
      pieceSize: content.pieceSize,
      etag: content.etag ?? '',
      lastModified: '',
    }
    const stored: Pick<StoredTask, 'layout' | 'have' | 'digest' | 'use' | 'read' | 'readNow'> & { record: typeof record } = {
      record,
      layout: this.#layout,
      have: () => this.#have.clone(),
      digest: (index) => (this.#have.has(index) ? digestOf(content, index) : undefined),
      use: () => () => undefined,
      readNow: () => false,
      read: async (index, offset, target) => {
        target.set(pieceOf(content, index).subarray(offset, offset + target.length))
      },
    }
    return stored as StoredTask
  }

  subscribe(listener: CdnTaskListener): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  get listenerCount(): number {
    return this.#listeners.size
  }

  tellLength(): void {
    this.#layout = new PieceLayout(this.content.bytes.length, this.content.pieceSize)
    for (const listener of this.#listeners) listener.lengthKnown(this.content.bytes.length)
  }

  storePiece(index: number): void {
    if (!this.#have.add(index)) return
    for (const listener of this.#listeners) listener.pieceStored(index, digestOf(this.content, index))
  }

  finish(): void {
    if (this.#layout === undefined) this.tellLength()
    for (let index = 0; index < pieceCountOf(this.content); index++) this.storePiece(index)
    this.end({ type: 'complete' })
  }

  end(state: CdnTaskState): void {
    this.state = state
    for (const listener of this.#listeners) listener.ended(state)
    this.#listeners.clear()
  }
}

/** Brings contents by URL; each fetch waits for the test. */
export class FakeCdn implements Cdn {
  readonly contents = new Map<string, FakeContent | DamselflyError>()
  /** What was asked for, in order. */
  readonly obtained: { readonly spec: ContentSpec; readonly credentials: HeaderMap }[] = []
  readonly authorized: HeaderMap[] = []
  /** How long its origins' consent holds; milliseconds. */
  consentMs = 5 * 60_000
  readonly tasks = new Map<TaskId, FakeCdnTask>()
  /** Why a caller may not have a private content. */
  refusal: DamselflyError | undefined
  /** What the origin says of what peers hold. */
  confirms: (held: HeldVersion) => FreshnessVerdict = () => 'current'
  /** Holds the origin's answers back while it is set. */
  gate: Promise<void> | undefined
  readonly #waiters = new Set<() => void>()
  readonly #privacyListeners = new Set<(taskId: TaskId) => void>()

  async obtain(spec: ContentSpec, credentials: HeaderMap, signal: AbortSignal): Promise<CdnTask> {
    this.obtained.push({ spec, credentials })
    for (const wake of this.#waiters) wake()
    await this.gate
    signal.throwIfAborted()
    const held = this.tasks.get(spec.taskId)
    if (held !== undefined && held.state.type !== 'failed') return held
    const content = this.contents.get(spec.url)
    if (content === undefined) throw new Error(`the test has no content for ${spec.url}`)
    if (content instanceof Error) throw content
    if (content.authorization !== undefined && credentials.get('authorization') !== content.authorization) throw this.#refused()
    const task = new FakeCdnTask(spec, content)
    this.tasks.set(spec.taskId, task)
    return task
  }

  get(taskId: TaskId): CdnTask | undefined {
    return this.tasks.get(taskId)
  }

  async authorize(spec: ContentSpec, credentials: HeaderMap): Promise<number> {
    this.authorized.push(credentials)
    const content = this.contents.get(spec.url)
    if (content instanceof Error) throw content
    const isOpen = content?.authorization === undefined || credentials.get('authorization') === content.authorization
    if (!isOpen) throw this.#refused()
    return this.consentMs
  }

  async confirm(taskId: TaskId): Promise<boolean> {
    const held = this.tasks.get(taskId)
    if (held?.state.type !== 'complete') throw new DamselflyError('TASK_NOT_FOUND', `the CDN does not hold task ${taskId} whole`)
    const isCurrent = this.contents.get(held.spec.url) === held.content
    if (!isCurrent) this.tasks.delete(taskId)
    return isCurrent
  }

  async vouch(_spec: ContentSpec, _credentials: HeaderMap, held: HeldVersion): Promise<FreshnessVerdict> {
    return this.confirms(held)
  }

  onTurnedPrivate(listener: (taskId: TaskId) => void): () => void {
    this.#privacyListeners.add(listener)
    return () => void this.#privacyListeners.delete(listener)
  }

  /** The origin was found to refuse strangers now. */
  turnPrivate(taskId: TaskId): void {
    for (const tell of this.#privacyListeners) tell(taskId)
  }

  onSuperseded(): () => void {
    return () => undefined
  }

  async stop(): Promise<void> {}

  /** Resolves once `count` fetches were asked for. */
  async whenObtained(count: number): Promise<void> {
    while (this.obtained.length < count) {
      const next = Promise.withResolvers<void>()
      this.#waiters.add(next.resolve)
      await next.promise
      this.#waiters.delete(next.resolve)
    }
  }

  #refused(): DamselflyError {
    if (this.refusal === undefined) throw new Error('the test has no refusal')
    return this.refusal
  }
}

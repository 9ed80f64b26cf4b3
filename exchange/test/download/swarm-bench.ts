import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  DamselflyError,
  deriveTaskId,
  digestsEqual,
  merkleRoot,
  pieceSizeFor,
  RateLimiter,
  sha256,
  systemClock,
  taskIdToBytes,
  VirtualClock,
  type PeerId,
  type Sha256,
  type TaskId,
  type TaskIdentity,
} from '@damselfly/shared'
import { silentLogger } from '@damselfly/shared/logging'
import { create, ManifestSchema } from '@damselfly/shared/wire'
import { ControlClient } from '../../src/control/control-client.ts'
import { Freshness } from '../../src/download/freshness.ts'
import { TaskDownload, type DownloadTask, type FinishedTask } from '../../src/download/task-download.ts'
import { signManifest } from '../../src/identity/signed-manifest.ts'
import { createLocalPieceStore } from '../../src/store/local-piece-store.ts'
import type { PieceStore } from '../../src/store/piece-store.ts'
import { ScriptedSupernode, turns, type Said } from '../control/scripted-supernode.ts'
import { FakeParent } from './fake-parent.ts'
import { fullAfter } from './faulty-store.ts'
import { MemoryOrigin } from './memory-origin.ts'

export const PIECE = pieceSizeFor(1)
const URL_OF_FILE = 'https://origin.example/file'

/** What the supernode answers to a registration. */
export interface Answer {
  /** @default that of the content */
  readonly contentLength?: number | undefined
  readonly isLengthUnknown?: boolean
  readonly content?: Uint8Array
  readonly etag?: string
  readonly errorCode?: string
  readonly pieceSize?: number
}

export interface SwarmBenchOptions {
  /** The disk is full after so many bytes. */
  readonly diskBytes?: number
}

/** A download on a real disk, between a scripted supernode, fake parents and an origin in memory. */
export class SwarmBench {
  readonly clock = new VirtualClock(Date.now())
  readonly supernode = new ScriptedSupernode()
  /** Of the host; fake parents do not keep to it, only origins. */
  readonly limiter = new RateLimiter(0, this.clock)
  readonly origin: MemoryOrigin
  readonly content: Uint8Array
  readonly control: ControlClient
  readonly store: PieceStore
  readonly #directory: string
  #taskId = deriveTaskId({ url: URL_OF_FILE })
  #answered = 0
  readonly #parents = new Map<PeerId, FakeParent>()
  readonly #downloads: { task: TaskDownload; stop: AbortController; ended: Promise<unknown> }[] = []

  private constructor(directory: string, content: Uint8Array, { diskBytes }: SwarmBenchOptions) {
    this.#directory = directory
    this.content = content
    this.origin = new MemoryOrigin({ content, chunk: 50_021 })
    const store = createLocalPieceStore({ directory, clock: systemClock, logger: silentLogger() })
    this.store = diskBytes === undefined ? store : fullAfter(store, diskBytes)
    this.control = new ControlClient({
      dial: this.supernode.dial,
      hello: () => ({}),
      inventory: { taskIds: () => [], held: async () => undefined },
      onRate: () => undefined,
      onEvict: () => undefined,
      clock: this.clock,
      random: () => 0,
      logger: silentLogger(),
    })
  }

  static async create(content: Uint8Array, options: SwarmBenchOptions = {}): Promise<SwarmBench> {
    const bench = new SwarmBench(await mkdtemp(join(tmpdir(), 'swarm-')), content, options)
    await bench.store.start()
    return bench
  }

  async stop(): Promise<void> {
    for (const { stop, ended, task } of this.#downloads) {
      stop.abort(new DamselflyError('CANCELLED', 'the test is over'))
      await ended
      task.end()
    }
    await this.control.stop()
    await this.store.stop()
    await rm(this.#directory, { recursive: true })
  }

  /** The channel to the supernode is there from now on. */
  async connect(): Promise<void> {
    this.control.start()
    await this.control.settled(new AbortController().signal)
  }

  parent(init: { readonly isCdn?: boolean; readonly content?: Uint8Array } = {}): FakeParent {
    const parent = new FakeParent({ content: this.content, ...init })
    this.#parents.set(parent.parent, parent)
    return parent
  }

  begin(options: Partial<Omit<DownloadTask, 'identity'>> & { readonly identity?: Partial<TaskIdentity> } = {}): RunningDownload {
    const identity: TaskIdentity = { url: URL_OF_FILE, ...options.identity }
    this.#taskId = deriveTaskId(identity)
    const task = new TaskDownload(
      {
        store: this.store,
        control: this.control,
        openLane: async ({ peer }) => {
          const parent = this.#parents.get(peer)
          if (parent === undefined || parent.isUnreachable) throw new DamselflyError('PEER_UNREACHABLE', `no lane to ${peer}`)
          return parent
        },
        downloadLimiter: this.limiter,
        freshness: new Freshness(this.clock, 0),
        parallelRanges: 2,
        clock: this.clock,
        random: () => 0,
        logger: silentLogger(),
      },
      {
        credentials: new Map(),
        order: 'rarest-first',
        origin: this.origin,
        backToSource: true,
        priority: () => 'foreground',
        ...options,
        taskId: this.#taskId,
        identity,
      },
    )
    const stop = new AbortController()
    const finished = task.run(stop.signal)
    const ended = finished.catch(() => undefined)
    this.#downloads.push({ task, stop, ended })
    return { task, finished, cancel: (error) => stop.abort(error) }
  }

  /** Of the download that was begun last. */
  get taskId(): TaskId {
    return this.#taskId
  }

  get pieceCount(): number {
    return Math.ceil(this.content.length / PIECE)
  }

  get indexes(): number[] {
    return [...Array(this.pieceCount).keys()]
  }

  digest(index: number): Sha256 {
    return sha256(this.content.subarray(index * PIECE, (index + 1) * PIECE))
  }

  // --- the supernode says ---

  /** Answers the next registration. */
  async answer(answer: Answer = {}): Promise<void> {
    await this.answerTo(++this.#answered, answer)
  }

  /** Answers the n-th registration. */
  async answerTo(nth: number, answer: Answer): Promise<void> {
    const requests = await this.supernode.whenHeard('register', nth)
    const requestId = requests.at(-1)?.requestId ?? 0
    const { errorCode, contentLength = this.content.length, isLengthUnknown = false, content, etag = this.origin.etag } = answer
    if (errorCode !== undefined) return this.supernode.say({ case: 'registered', value: { requestId, errorCode, errorMessage: 'no' } })
    this.supernode.say({
      case: 'registered',
      value: {
        requestId,
        taskId: taskIdToBytes(this.taskId),
        pieceSize: answer.pieceSize ?? PIECE,
        ...(isLengthUnknown ? {} : { contentLength: BigInt(contentLength) }),
        validators: { etag },
        ...(content === undefined ? {} : { content }),
      },
    })
  }

  introduce(...parents: FakeParent[]): void {
    for (const { info } of parents) {
      const { peer, security, isCdn, signedTicket } = info
      this.#say({ case: 'parent', value: { peer, security, isCdn, signedTicket } })
    }
  }

  assign(parent: FakeParent, ...indexes: number[]): void {
    for (const index of indexes) {
      this.#say({ case: 'assign', value: { index, parent: parent.parent, digest: this.digest(index) } })
    }
  }

  cancel(parent: FakeParent, index: number): void {
    this.#say({ case: 'cancelPiece', value: { index, parent: parent.parent } })
  }

  tellDigests(...indexes: number[]): void {
    this.#say({ case: 'taskUpdate', value: { digests: indexes.map((index) => ({ index, digest: this.digest(index) })) } })
  }

  tell(news: { contentLength?: bigint; errorCode?: string; signedManifest?: Uint8Array; fetched?: bigint; ruledPriority?: string }): void {
    this.#say({ case: 'taskUpdate', value: news })
  }

  /** Everything is known now. @param content that the manifest is for */
  tellManifest(content: Uint8Array = this.content, signer = this.supernode.identity): void {
    const digests: Sha256[] = []
    for (let at = 0; at < content.length; at += PIECE) digests.push(sha256(content.subarray(at, at + PIECE)))
    const manifest = create(ManifestSchema, {
      taskId: taskIdToBytes(this.taskId),
      contentLength: BigInt(content.length),
      pieceSize: PIECE,
      pieceDigests: Buffer.concat(digests),
      merkleRoot: merkleRoot(digests),
      contentDigest: sha256(content),
    })
    const signedManifest = signManifest(signer, manifest)
    this.tell({ signedManifest })
  }

  sendBack(reason: string): void {
    this.#say({ case: 'backToSource', value: { reason } })
  }

  /** Assigns what is missing, in turns to these parents, as the child asks for it; what fails is assigned anew. */
  schedule(...parents: FakeParent[]): void {
    const left = new Set(this.indexes)
    const open: number[] = []
    let credits = 0
    let turn = 0
    this.introduce(...parents)
    const give = (): void => {
      for (const index of left) {
        const parent = parents[turn % parents.length]
        if (credits === 0 || parent === undefined) return
        credits--
        turn++
        left.delete(index)
        open.push(index)
        this.assign(parent, index)
      }
    }
    this.supernode.onHeard = (message) => {
      if (message.case === 'want') credits += message.value.count
      if (message.case === 'pieceFailed') left.add(message.value.index)
      give()
    }
  }

  #say(body: Said): void {
    this.supernode.say({ ...body, value: { ...body.value, taskId: taskIdToBytes(this.taskId) } } as Said)
  }

  // --- time ---

  /** Lets time pass in small steps, and everything happen that comes of each. */
  async pass(ms: number, alive: () => void = () => undefined): Promise<void> {
    for (let left = ms; left > 0; left -= 100) {
      this.clock.advance(Math.min(100, left))
      alive()
      await turns()
      // While bytes are on their way to the disk, the clock must not run ahead of it.
      if (this.#isWriting) await new Promise((resolve) => setTimeout(resolve, 1))
    }
  }

  get #isWriting(): boolean {
    return this.#downloads.some(({ task }) => task.progress().inFlightBytes > 0)
  }

  /** Lets time pass until something has come of it. @returns how long it took */
  async passUntil(holds: () => boolean, alive: () => void = () => undefined): Promise<number> {
    const since = this.clock.now()
    for (await turns(); !holds(); ) await this.pass(100, alive)
    return this.clock.now() - since
  }

  /** Waits for something that takes no virtual time. */
  async until(holds: () => boolean): Promise<void> {
    while (!holds()) await turns(1)
  }

  async assertContent({ stored, contentLength }: FinishedTask, content = this.content): Promise<void> {
    assert.equal(contentLength, content.length)
    assert.ok(digestsEqual(sha256(await readFile(stored.path!)), sha256(content)))
  }
}

export interface RunningDownload {
  readonly task: TaskDownload
  readonly finished: Promise<FinishedTask>
  readonly cancel: (error: DamselflyError) => void
}

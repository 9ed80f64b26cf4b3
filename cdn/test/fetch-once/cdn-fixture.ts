import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLocalPieceStore, type PieceStore } from '@damselfly/exchange'
import { deriveTaskId, systemClock, type Clock, type HeaderMap } from '@damselfly/shared'
import { silentLogger } from '@damselfly/shared/logging'
import {
  createCdn,
  createHttpSource,
  createSourceRegistry,
  type CdnLimits,
  type CdnTask,
  type CdnTaskState,
  type ContentSpec,
  type MeasuredCdn,
  type SourceClient,
} from '../../src/index.ts'
import { createFaultOrigin, type FaultOrigin } from '../../src/testing/index.ts'

export const NOBODY: HeaderMap = new Map()

/** Whatever reads the origin. */
export type CreateSource = (origin: FaultOrigin) => SourceClient

const overHttp: CreateSource = () => createHttpSource({ policy: { allow: ['127.0.0.1'] } })

/** Real origin, real store, real sockets; retries without long pauses. */
export class CdnFixture {
  readonly origin: FaultOrigin
  readonly directory: string
  readonly #clock: Clock
  readonly #limits: Partial<CdnLimits>
  readonly #createSource: CreateSource
  #store: PieceStore | undefined
  #source: SourceClient | undefined
  #cdn: MeasuredCdn | undefined

  static async create(limits: Partial<CdnLimits> = {}, clock: Clock = systemClock, createSource = overHttp): Promise<CdnFixture> {
    const directory = await mkdtemp(join(tmpdir(), 'damselfly-cdn-'))
    const quick = { backoffMs: 1, maxBackoffMs: 5, ...limits }
    const fixture = new CdnFixture(await createFaultOrigin(), directory, quick, clock, createSource)
    await fixture.start()
    return fixture
  }

  private constructor(origin: FaultOrigin, directory: string, limits: Partial<CdnLimits>, clock: Clock, createSource: CreateSource) {
    this.origin = origin
    this.directory = directory
    this.#limits = limits
    this.#clock = clock
    this.#createSource = createSource
  }

  get cdn(): MeasuredCdn {
    return this.#cdn as MeasuredCdn
  }

  get source(): SourceClient {
    return this.#source as SourceClient
  }

  get store(): PieceStore {
    return this.#store as PieceStore
  }

  async start(): Promise<void> {
    this.#store = createLocalPieceStore({ directory: this.directory, clock: systemClock, logger: silentLogger() })
    await this.#store.start()
    this.#source = this.#createSource(this.origin)
    this.#cdn = createCdn({
      store: this.#store,
      sources: createSourceRegistry([this.#source]),
      clock: this.#clock,
      logger: silentLogger(),
      limits: this.#limits,
    })
  }

  async stop(): Promise<void> {
    await this.#cdn?.stop()
    await this.#source?.close()
    await this.#store?.stop()
  }

  async restart(): Promise<void> {
    await this.stop()
    await this.start()
  }

  async remove(): Promise<void> {
    await this.stop()
    await this.origin.close()
    await rm(this.directory, { recursive: true, force: true })
  }

  /** @param from where somebody reads; bytes */
  obtain(spec: ContentSpec, credentials: HeaderMap = NOBODY, from = 0): Promise<CdnTask> {
    return this.cdn.obtain(spec, credentials, new AbortController().signal, from)
  }

  async obtainWhole(spec: ContentSpec, credentials: HeaderMap = NOBODY): Promise<CdnTask> {
    const task = await this.obtain(spec, credentials)
    const state = await whenEnded(task)
    if (state.type === 'failed') throw state.error
    return task
  }
}

export function specOf(url: string, more: Partial<Omit<ContentSpec, 'taskId' | 'url'>> = {}): ContentSpec {
  const spec = {
    url,
    filteredQueryParams: [],
    tag: '',
    application: '',
    range: undefined,
    variantHeaders: NOBODY,
    expectedDigest: undefined,
    ...more,
  }
  const taskId = deriveTaskId({ ...spec, digest: spec.expectedDigest, headers: spec.variantHeaders })
  return { ...spec, taskId }
}

export function whenEnded(task: CdnTask): Promise<CdnTaskState> {
  if (task.state.type !== 'fetching') return Promise.resolve(task.state)
  const ended = Promise.withResolvers<CdnTaskState>()
  task.subscribe({ ...silent, ended: ended.resolve })
  return ended.promise
}

/** The pieces that the task has told about when the given number of them is there. */
export function whenPieces(task: CdnTask, count: number): Promise<void> {
  const enough = Promise.withResolvers<void>()
  const check = (): void => {
    if (task.stored.have().count >= count) enough.resolve()
  }
  const unsubscribe = task.subscribe({ ...silent, pieceStored: check })
  check()
  return enough.promise.finally(unsubscribe)
}

export const silent = {
  lengthKnown: (): void => undefined,
  pieceStored: (): void => undefined,
  progress: (): void => undefined,
  startedOver: (): void => undefined,
  ended: (): void => undefined,
}

/** Everything that is here, in order. */
export async function readAll(task: CdnTask): Promise<Buffer> {
  const { stored } = task
  const content = Buffer.alloc(stored.layout?.contentLength ?? 0)
  for (let index = 0; index < (stored.layout?.pieceCount ?? 0); index++) {
    const { offset, length } = stored.layout?.piece(index) ?? { offset: 0, length: 0 }
    await stored.read(index, 0, content.subarray(offset, offset + length))
  }
  return content
}

import assert from 'node:assert/strict'
import { Bitset, sha256, systemClock, type Clock, type PeerId, type TaskId } from '@damselfly/shared'
import { silentLogger } from '@damselfly/shared/logging'
import { ControlClient } from '../../src/control/control-client.ts'
import type { HeldTask, TaskControlListener, TaskRegistration } from '../../src/control/task-control.ts'
import { ScriptedSupernode } from './scripted-supernode.ts'

export const TASK = 'ab'.repeat(32) as TaskId
export const OTHER = 'cd'.repeat(32) as TaskId
export const PARENT = '12D3KooWparent' as PeerId
export const DIGEST = sha256(Buffer.from('piece'))
export const never = new AbortController().signal

export const registration: TaskRegistration = {
  taskId: TASK,
  identity: { url: 'https://origin.example/file' },
  credentials: new Map(),
  order: 'rarest-first',
  held: undefined,
}

export function heldTask(taskId: TaskId, pieces = 1): HeldTask {
  return {
    taskId,
    identity: { url: `https://origin.example/${taskId}` },
    contentLength: pieces * 4,
    pieceSize: 4,
    have: Bitset.full(pieces),
    digests: Array.from({ length: pieces }, () => DIGEST),
    signedManifest: undefined,
    contentDigest: undefined,
    etag: '"v1"',
    lastModified: '',
    isPrivate: false,
  }
}

/** Writes down what it is told. */
export class Listener implements TaskControlListener {
  readonly told: string[] = []
  parent = (): void => this.#note('parent')
  assigned = ({ index }: { index: number }): void => this.#note(`assigned ${index}`)
  cancelled = (index: number): void => this.#note(`cancelled ${index}`)
  news = (): void => this.#note('news')
  backToSource = (reason: string): void => this.#note(`back to source: ${reason}`)
  lost = (): void => this.#note('lost')
  restored = (): void => this.#note('restored')
  #note(what: string): void {
    this.told.push(what)
  }
}

/** Control clients, and the supernode that they meet. */
export class ControlBench {
  readonly supernode = new ScriptedSupernode()
  held: HeldTask[] = []
  readonly evicted: TaskId[] = []
  readonly rates: { upload: number; download: number; origin: number }[] = []
  readonly #clients: ControlClient[] = []

  async stop(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.stop()))
  }

  createClient(clock: Clock = systemClock, random: () => number = () => 0.5): ControlClient {
    const client = new ControlClient({
      dial: this.supernode.dial,
      hello: () => ({ agent: 'test/1', uploadSlots: 4, security: 'tls', hostName: 'host' }),
      inventory: {
        taskIds: () => this.held.map(({ taskId }) => taskId),
        held: async (taskId) => this.held.find((task) => task.taskId === taskId),
      },
      onRate: (rates) => this.rates.push(rates),
      onEvict: (taskId) => this.evicted.push(taskId),
      clock,
      random,
      logger: silentLogger(),
    })
    this.#clients.push(client)
    return client
  }

  async connected(clock?: Clock): Promise<ControlClient> {
    const client = this.createClient(clock)
    client.start()
    await client.settled(never)
    assert.equal(client.state.type, 'connected')
    await this.supernode.whenHeard('hello')
    return client
  }
}

import type { Program } from '../program.ts'
import type { LabHost } from '../lab-network.ts'
import type { HostName } from './plan.ts'

export interface VictimInit<T> {
  readonly name: HostName
  /** Where it stands in the lab's network. */
  readonly host: LabHost
  /** Its data; empty if it has none. */
  readonly dataDir: string
  /** Starts it with the data that it has. */
  readonly start: () => Promise<T>
}

/** A program that is killed, frozen and started again. */
export class Victim<T extends { readonly program: Program }> {
  readonly name: HostName
  readonly host: LabHost
  readonly dataDir: string
  readonly #start: () => Promise<T>
  #running: Promise<T> | undefined
  #runningNow: T | undefined
  /** What all of its runs said on standard error, a text each. */
  readonly #said: string[] = []

  constructor({ name, host, dataDir, start }: VictimInit<T>) {
    this.name = name
    this.host = host
    this.dataDir = dataDir
    this.#start = start
  }

  /** The running program, which may be just starting. @throws if it does not start */
  get running(): Promise<T> | undefined {
    return this.#running
  }

  /** Undefined while it is down or just starting. */
  get runningNow(): T | undefined {
    return this.#runningNow
  }

  get said(): readonly string[] {
    return this.#said
  }

  async start(): Promise<void> {
    this.#running = this.#start()
    this.#runningNow = await this.#running
  }

  async kill(): Promise<void> {
    const running = await this.#take()
    running.program.kill('SIGKILL')
    await running.program.exited
    this.#said.push(running.program.stderr)
  }

  /** @throws if it ends in another way than it should */
  async stop(): Promise<void> {
    const running = await this.#take()
    const { code, signal } = await running.program.stop(STOP_LIMIT)
    this.#said.push(running.program.stderr)
    if (code !== 0) throw new Error(`${this.name} ended with ${signal ?? `code ${code}`} when it was asked to stop`)
  }

  async signal(signal: NodeJS.Signals): Promise<void> {
    const running = await this.#running
    running?.program.kill(signal)
  }

  async #take(): Promise<T> {
    const running = await this.#running
    if (running === undefined) throw new Error(`${this.name} does not run`)
    this.#running = undefined
    this.#runningNow = undefined
    return running
  }
}

/** Longer than the grace that programs give their uploads; milliseconds. */
const STOP_LIMIT = 30_000

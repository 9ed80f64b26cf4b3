import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

/** Standard error is kept so that a failing test can show it; characters. */
const KEPT_OUTPUT = 64 * 1024

export type ProgramName = 'supernode' | 'dfdaemon' | 'dfget'

export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface ProgramSettings {
  /** Over those of this process. */
  readonly env?: NodeJS.ProcessEnv
  /** Another user and group to run as; this process must be root. */
  readonly user?: { readonly uid: number; readonly gid: number }
  /** What comes before the command, such as what enters another namespace. @default nothing */
  readonly enter?: readonly string[]
  /** Whether standard output is left to the test, byte by byte, instead of being cut into lines. @default false */
  readonly rawOutput?: boolean
}

/** A process of the lab: whatever is started is also ended. */
export class Program {
  readonly name: string
  readonly child: ChildProcess
  /** When it was started; milliseconds on the scale of `performance.now`. */
  readonly startedAt: number = performance.now()
  readonly #lines: string[] = []
  readonly #lineWaiters = new Set<() => void>()
  #stderr = ''
  #exit: Exit | undefined
  readonly exited: Promise<Exit>

  constructor(name: string, command: string, args: readonly string[], settings: ProgramSettings = {}) {
    const { env, user, enter = [], rawOutput = false } = settings
    const [first, ...rest] = [...enter, command, ...args] as [string, ...string[]]
    this.name = name
    this.child = spawn(first, rest, { env: { ...surroundings(), ...env }, stdio: ['ignore', 'pipe', 'pipe'], ...user })
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-KEPT_OUTPUT)
    })
    if (!rawOutput) this.#readLines()
    this.exited = this.#awaitExit()
  }

  /** One of our own programs, as it is installed. */
  static own(name: ProgramName, args: readonly string[], settings: ProgramSettings = {}): Program {
    return new Program(name, commandOf(name), args, settings)
  }

  /** Standard output as it comes; with `rawOutput` only. */
  get output(): Readable {
    return this.child.stdout as Readable
  }

  get stderr(): string {
    return this.#stderr
  }

  get pid(): number {
    return this.child.pid ?? -1
  }

  get isRunning(): boolean {
    return this.#exit === undefined
  }

  /** The first line on standard output, past or future, that `read` understands. @throws when the program ends first */
  async line<T>(read: (line: string) => T | undefined): Promise<T> {
    for (let next = 0; ; ) {
      for (; next < this.#lines.length; next++) {
        const found = read(this.#lines[next] as string)
        if (found !== undefined) return found
      }
      if (this.#exit !== undefined) throw new Error(`${this.name} ended with ${describe(this.#exit)}`)
      await new Promise<void>((resolve) => this.#lineWaiters.add(resolve))
    }
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal)
  }

  /** Asks it to end, and makes it end after `graceMs`. */
  async stop(graceMs = 10_000): Promise<Exit> {
    if (this.isRunning) this.kill('SIGTERM')
    const timer = setTimeout(() => this.kill('SIGKILL'), graceMs)
    const exit = await this.exited
    clearTimeout(timer)
    return exit
  }

  #readLines(): void {
    createInterface({ input: this.output }).on('line', (line) => {
      this.#lines.push(line)
      this.#wake()
    })
  }

  async #awaitExit(): Promise<Exit> {
    const failed = once(this.child, 'error').then(([error]: unknown[]) => {
      this.#stderr += String(error)
      return [127, null] as const
    })
    const closed = once(this.child, 'close') as Promise<[number | null, NodeJS.Signals | null]>
    const [code, signal] = await Promise.race([closed, failed])
    this.#exit = { code, signal, stdout: this.#lines.join('\n'), stderr: this.#stderr }
    this.#wake()
    return this.#exit
  }

  #wake(): void {
    for (const wake of this.#lineWaiters) wake()
    this.#lineWaiters.clear()
  }
}

/** What is set for tests is no setting of the programs. */
function surroundings(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('DAMSELFLY_TEST_')))
}

/** What starts one of our programs, as it is installed. */
export function commandOf(name: ProgramName): string {
  return `${ROOT}${name}/bin/${name}`
}

export function describe({ code, signal, stdout, stderr }: Exit): string {
  return `${signal ?? `exit code ${code}`}\n--- stdout\n${stdout}\n--- stderr\n${stderr}`
}

/** The object of the line `{"ready": …}` that our servers print. */
export function readyLine(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith('{"ready"')) return undefined
  const { ready } = JSON.parse(line) as { ready: Record<string, unknown> }
  return ready
}

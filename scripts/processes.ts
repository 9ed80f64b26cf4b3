import { spawn } from 'node:child_process'
import { once } from 'node:events'

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>
  /** Milliseconds; then the program and all that it started is killed. */
  readonly timeLimit: number
}

/** How long an interrupted program may take to clean up; milliseconds. */
const GRACE = 10_000

/** Somebody wants all of this to end. */
export class Interrupted extends Error {
  readonly signal: NodeJS.Signals

  constructor(signal: NodeJS.Signals) {
    super(`interrupted by ${signal}`)
    this.signal = signal
  }
}

export type Outcome =
  { readonly type: 'exited'; readonly code: number } | { readonly type: 'killed'; readonly why: string }

/**
 * Runs a program in a process group of its own with our input and output, and leaves nothing of that group running:
 * a program that ends before its children do counts as killed.
 *
 * @throws Interrupted after SIGINT or SIGTERM, once the program has ended.
 */
export async function runInGroup(command: string, args: readonly string[], options: RunOptions): Promise<Outcome> {
  const child = spawn(command, args, {
    stdio: 'inherit',
    detached: true,
    env: { ...process.env, ...options.env },
  })
  const exit = once(child, 'exit')
  await once(child, 'spawn')
  const group = child.pid as number
  let why: string | undefined
  let interrupted: NodeJS.Signals | undefined
  const timers = [setTimeout(() => kill(`it took longer than ${options.timeLimit / 1000} s`), options.timeLimit)]
  const kill = (reason: string): void => {
    why = reason
    signalGroup(group, 'SIGKILL')
  }
  const interrupt = (signal: NodeJS.Signals): void => {
    interrupted = signal
    signalGroup(group, signal)
    timers.push(setTimeout(() => kill('it did not stop'), GRACE))
  }
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt)
  try {
    const [code] = (await exit) as [number | null]
    if (signalGroup(group, 'SIGKILL')) why ??= 'it left processes running'
    if (interrupted !== undefined) throw new Interrupted(interrupted)
    return why === undefined ? { type: 'exited', code: code ?? 1 } : { type: 'killed', why }
  } finally {
    for (const timer of timers) clearTimeout(timer)
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt)
  }
}

/** @returns whether anything was there to get the signal. */
function signalGroup(group: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(-group, signal)
    return true
  } catch {
    return false
  }
}

import { spawn, type ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

const DFGET = fileURLToPath(new URL('../src/main.ts', import.meta.url))
/** Programs keep their compiled code, as they do where they are installed. */
const COMPILE_CACHE = fileURLToPath(new URL('../../node_modules/.cache/damselfly-compile', import.meta.url))
const DFDAEMON = fileURLToPath(new URL('../../dfdaemon/src/main.ts', import.meta.url))

export interface Ended {
  /** Undefined after a signal. */
  readonly code: number | undefined
  readonly stdout: string
  readonly stderr: string
}

export interface Running {
  readonly child: ChildProcessByStdio<null, Readable, Readable>
  readonly ended: Promise<Ended>
}

/** Real processes in a home of their own; those that still run at the end are killed. */
export class Home {
  readonly path: string
  readonly output: string
  readonly #children = new Set<Running>()

  constructor(path: string) {
    this.path = path
    this.output = join(path, 'out')
  }

  async make(): Promise<void> {
    await mkdir(this.output)
  }

  start(...args: readonly string[]): Running {
    return this.#spawn(DFGET, args)
  }

  dfget(...args: readonly string[]): Promise<Ended> {
    return this.start(...args).ended
  }

  /** A daemon that is ready on its socket. */
  async daemon(): Promise<Running & { readonly socket: string }> {
    const socket = join(this.path, 'dfdaemon.sock')
    const running = this.#spawn(DFDAEMON, ['--data-dir', join(this.path, 'daemon'), '--socket', socket, '--log-level', 'error'])
    const ready = once(running.child.stdout, 'data')
    const early = running.ended.then(({ stderr }) => Promise.reject(new Error(stderr)))
    await Promise.race([ready, early])
    early.catch(() => undefined)
    return { ...running, socket }
  }

  async killAll(): Promise<void> {
    for (const { child } of this.#children) child.kill('SIGKILL')
    await Promise.all([...this.#children].map(({ ended }) => ended))
  }

  #spawn(program: string, args: readonly string[]): Running {
    const { path, output } = this
    const inherited = Object.entries(process.env).filter(([name]) => !/^(DAMSELFLY|XDG)_/.test(name))
    const child = spawn(process.execPath, ['--conditions=development', program, ...args], {
      cwd: output,
      env: { ...Object.fromEntries(inherited), HOME: path, XDG_RUNTIME_DIR: path, NODE_COMPILE_CACHE: COMPILE_CACHE, DAMSELFLY_DFDAEMON_MIRROR_PORT: '0' },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const running: Running = { child, ended: endOf(child) }
    this.#children.add(running)
    return running
  }
}

async function endOf(child: ChildProcessByStdio<null, Readable, Readable>): Promise<Ended> {
  const output = Promise.all([readText(child.stdout), readText(child.stderr)])
  const [code] = (await once(child, 'close')) as [number | null]
  const [stdout, stderr] = await output
  return { code: code ?? undefined, stdout, stderr }
}

/** What came before a test stopped reading counts as well. */
async function readText(stream: Readable): Promise<string> {
  return text(stream.setEncoding('latin1')).catch(() => '')
}

import { fileURLToPath } from 'node:url'
import type { LabHost } from '../lab-network.ts'
import type { Lab } from '../lab.ts'
import { readyLine, type Program } from '../program.ts'
import { callSocket } from '../socket-call.ts'
import type { OriginMood } from './origin-moods.ts'

const MAIN = fileURLToPath(new URL('origin-main.ts', import.meta.url))

/** The origin of the network, as it is told from here. */
export class OriginControl {
  readonly program: Program
  readonly #socket: string

  private constructor(program: Program, socket: string) {
    this.program = program
    this.#socket = socket
  }

  static async start(lab: Lab, host: LabHost): Promise<OriginControl> {
    const socket = lab.path('origin.sock')
    const program = lab.program('origin', process.execPath, ['--conditions=development', MAIN, host.address, socket], { enter: host.enter })
    await program.line(readyLine)
    return new OriginControl(program, socket)
  }

  /** @returns the URL */
  async add(path: string, size: number, seed: number): Promise<string> {
    const { url } = await this.#order<{ url: string }>('/contents', { path, size, seed })
    return url
  }

  async setMood(name: OriginMood): Promise<void> {
    await this.#order('/mood', { name })
  }

  /** Body bytes of all contents so far. */
  async sentBytes(): Promise<number> {
    const { bodyBytes } = await this.#order<{ bodyBytes: number }>('/sent', {})
    return bodyBytes
  }

  async #order<T>(path: string, body: unknown): Promise<T> {
    return callSocket<T>(this.#socket, 'POST', path, body)
  }
}

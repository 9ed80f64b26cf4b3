import type { Program } from './program.ts'

/** A running dfdaemon. */
export class Daemon {
  readonly program: Program
  readonly socket: string
  readonly dataDir: string
  readonly peerId: string

  constructor(program: Program, socket: string, dataDir: string, peerId: string) {
    this.program = program
    this.socket = socket
    this.dataDir = dataDir
    this.peerId = peerId
  }
}

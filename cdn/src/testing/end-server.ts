import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'

/** Ends a server of a test and removes its folder. */
export async function endServer(server: ChildProcess, folder: string): Promise<void> {
  if (server.exitCode === null && server.signalCode === null && server.pid !== undefined) {
    const ended = once(server, 'exit')
    // At once: what it stores is removed next.
    server.kill('SIGKILL')
    await ended
  }
  await rm(folder, { recursive: true, force: true })
}

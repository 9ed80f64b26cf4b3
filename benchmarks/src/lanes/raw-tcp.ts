import { once } from 'node:events'
import { connect, createServer, type AddressInfo } from 'node:net'
import { answerCalls } from './remote-calls.ts'

/** Both ends of a copy over a bare socket: the least that moving bytes between two Node.js processes costs. No disk, no hash. */

const BLOCK_BYTES = 256 * 1024

let length = 0

const calls = {
  /** @returns the port */
  async serve(options: { readonly length: number }): Promise<number> {
    length = options.length
    const block = Buffer.alloc(BLOCK_BYTES, 1)
    const server = createServer((socket) => {
      let left = length
      const send = (): void => {
        while (left > 0) {
          const part = block.subarray(0, left)
          left -= part.length
          if (!socket.write(part)) return
        }
        socket.end()
      }
      socket.on('drain', send)
      send()
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return (server.address() as AddressInfo).port
  },
  /** @returns seconds */
  async fetch({ port, expected }: { readonly port: number; readonly expected: number }): Promise<number> {
    const started = performance.now()
    let received = 0
    const callback = (bytes: number): boolean => {
      received += bytes
      return true
    }
    const socket = connect({ host: '127.0.0.1', port, onread: { buffer: Buffer.alloc(BLOCK_BYTES), callback } })
    await once(socket, 'close')
    if (received !== expected) throw new Error(`${received} bytes came, not ${expected}`)
    return (performance.now() - started) / 1000
  },
}
export type RawCalls = typeof calls

answerCalls(calls)

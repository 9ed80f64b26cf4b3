import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p, type Libp2p } from 'libp2p'
import { pEvent } from 'p-event'
import { answerCalls } from './remote-calls.ts'

/**
 * Both ends of a copy over a stream, as libp2p's documentation writes them: a node with nothing but defaults, a sender that
 * waits for `drain` when `send` says so, a receiver that counts what `message` brings. No disk, no hash.
 */

const PROTOCOL = '/copy/1'

/** Of the sizes that were tried, 64 KiB to 1 MiB, the one that suits it best; bytes. */
const BLOCK_BYTES = 256 * 1024

let node: Libp2p | undefined

const calls = {
  /** Sends `length` bytes to whoever opens a stream. @returns where */
  async start({ length }: { readonly length: number }): Promise<string> {
    node = await createLibp2p({
      addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
      transports: [tcp()],
      connectionEncrypters: [noise()],
      streamMuxers: [yamux()],
    })
    await node.handle(PROTOCOL, async (stream) => {
      const block = new Uint8Array(BLOCK_BYTES)
      for (let sent = 0; sent < length; sent += block.length) {
        const part = block.subarray(0, length - sent)
        if (!stream.send(part)) await pEvent(stream, 'drain', { rejectionEvents: ['close'] })
      }
      await stream.close()
    })
    return String(node.getMultiaddrs()[0])
  },
  /** @returns seconds, from before the stream is opened */
  async fetch({ address, expected }: { readonly address: string; readonly expected: number }): Promise<number> {
    if (node === undefined) throw new Error('not started')
    const started = performance.now()
    const stream = await node.dialProtocol(multiaddr(address), PROTOCOL)
    let received = 0
    const all = new Promise<void>((resolve) => {
      stream.addEventListener('message', ({ data }) => {
        received += data.byteLength
        if (received >= expected) resolve()
      })
    })
    await Promise.race([all, pEvent(stream, 'close')])
    if (received !== expected) throw new Error(`${received} bytes came, not ${expected}`)
    const seconds = (performance.now() - started) / 1000
    await stream.close()
    return seconds
  },
}
export type StockCalls = typeof calls

answerCalls(calls)

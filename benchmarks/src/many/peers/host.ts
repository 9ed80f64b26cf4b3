import { setTimeout as sleep } from 'node:timers/promises'
import { loadIdentity, parseSupernodeAddress } from '@damselfly/exchange'
import { answerCalls } from '../../lanes/remote-calls.ts'
import { createCatalogue, HELD, TASKS } from './catalogue.ts'
import { TalkingPeer } from './talking-peer.ts'

/** Peers that connect at once in the beginning, which nobody measures. */
const AT_ONCE = 25

interface StartCall {
  readonly supernode: string
  /** With which the supernode signed what its peers hold. */
  readonly identityFile: string
  readonly origin: string
  readonly peers: number
  /** So that no two peers of any host announce the same address. */
  readonly firstPort: number
}

const peers: TalkingPeer[] = []
let catalogue: ReturnType<typeof createCatalogue> = []

const calls = {
  /** Resolves when all are connected. */
  async start(call: StartCall): Promise<void> {
    const supernode = parseSupernodeAddress(call.supernode)
    catalogue = createCatalogue(call.origin, await loadIdentity(call.identityFile))
    for (let i = 0; i < call.peers; i++) {
      const holds = Array.from({ length: HELD }, (_, n) => catalogue[(i * HELD + n) % TASKS]).filter((task) => task !== undefined)
      peers.push(new TalkingPeer({ supernode, holds, port: call.firstPort + i }))
    }
    for (let i = 0; i < peers.length; i += AT_ONCE) {
      const some = peers.slice(i, i + AT_ONCE)
      for (const peer of some) peer.start()
      while (!some.every(({ isConnected }) => isConnected)) await sleep(20)
    }
  },
  /** Lets some of the peers want one content after the other. @returns messages, both ways */
  async talk({ active, seconds }: { readonly active: number; readonly seconds: number }): Promise<number> {
    const signal = AbortSignal.timeout(seconds * 1000)
    const counts = await Promise.all(
      peers.slice(0, active).map(async (peer, i) => {
        // None of what it holds.
        const wanted = catalogue.map((_, n) => (i * HELD + HELD + n) % TASKS).slice(0, TASKS - HELD)
        return peer.want(wanted.map((n) => catalogue[n]).filter((task) => task !== undefined), signal)
      }),
    )
    return counts.reduce((sum, count) => sum + count, 0)
  },
  async stop(): Promise<void> {
    await Promise.all(peers.map((peer) => peer.stop()))
  },
}
export type HostCalls = typeof calls

answerCalls(calls)

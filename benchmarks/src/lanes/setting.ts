import { writeRandomFile, type Lab, type Nginx } from '@damselfly/test'
import type { BenchContext } from '../bench.ts'
import type { InstalledProgram, ReferenceProgram } from '../reference-programs.ts'
import type { ChildCalls } from './child-peer.ts'
import type { Introduction, ParentCalls } from './parent-peer.ts'
import type { RawCalls } from './raw-tcp.ts'
import { Caller, type Calls } from './remote-calls.ts'
import type { StockCalls } from './stock-libp2p.ts'

export const FILE = 'file'

/** Two processes, and what the second needs to know of the first. */
export interface Pair<Sender extends Calls, Receiver extends Calls, Known> {
  readonly sender: Caller<Sender>
  readonly receiver: Caller<Receiver>
  readonly known: Known
}

export interface Setting {
  readonly lab: Lab
  readonly programs: ReadonlyMap<ReferenceProgram, InstalledProgram>
  readonly nginx: Nginx
  /** Of the content; bytes. */
  readonly length: number
  readonly peers: Pair<ParentCalls, ChildCalls, Introduction>
  readonly stock: Pair<StockCalls, StockCalls, string>
  readonly raw: Pair<RawCalls, RawCalls, number>
}

/** All that takes turns, as processes that run all the time. */
export async function withProcesses<T>(context: BenchContext, length: number, work: (setting: Setting) => Promise<T>): Promise<T> {
  return context.withLab(async (lab) => {
    const callers: Caller<Calls>[] = []
    const started = <C extends Calls>(script: string): Caller<C> => {
      const caller = new Caller<C>(new URL(script, import.meta.url))
      callers.push(caller)
      return caller
    }
    try {
      const nginx = await lab.nginx()
      const file = `${nginx.root}/${FILE}`
      await writeRandomFile(file, length, 1)
      const [parent, child] = [started<ParentCalls>('parent-peer.ts'), started<ChildCalls>('child-peer.ts')]
      await parent.call('start', { directory: lab.path('parent'), file, length })
      const introduction = await parent.call('introduce', { child: await child.call('start', { directory: lab.path('child') }) })
      const [sendingNode, receivingNode] = [started<StockCalls>('stock-libp2p.ts'), started<StockCalls>('stock-libp2p.ts')]
      const [address] = await Promise.all([sendingNode, receivingNode].map(async (node) => node.call('start', { length })))
      const [server, client] = [started<RawCalls>('raw-tcp.ts'), started<RawCalls>('raw-tcp.ts')]
      return await work({
        lab,
        programs: context.programs,
        nginx,
        length,
        peers: { sender: parent, receiver: child, known: introduction },
        stock: { sender: sendingNode, receiver: receivingNode, known: address ?? '' },
        raw: { sender: server, receiver: client, known: await server.call('serve', { length }) },
      })
    } finally {
      await Promise.all(callers.map((caller) => caller.stop()))
    }
  })
}

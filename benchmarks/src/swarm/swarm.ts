import { whyNoNetwork } from '@damselfly/test'
import type { Bench } from '../bench.ts'
import { eightOnLoopback } from './eight/eight.ts'
import { explanation } from './explanation.ts'
import { twelveHosts } from './hosts/hosts.ts'

/** Many that want the same file at once: where the processors are the limit, and where the network is. */
export const swarmBench: Bench = {
  name: 'swarm',
  title: 'The same file to many at once: eight peers on loopback beside aria2 over BitTorrent, and twelve hosts on lines of 100 Mbit/s',
  needs: ['nginx', 'curl'],
  uses: ['aria2c'],
  explanation,
  run: async (context) => {
    const eight = context.programs.has('aria2c') ? await eightOnLoopback(context) : []
    const reason = await whyNoNetwork()
    if (reason !== undefined) context.report(`left out the twelve hosts: ${reason}`)
    return [...eight, ...(reason === undefined ? await twelveHosts(context) : [])]
  },
}

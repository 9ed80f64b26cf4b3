import { digestOf, type Daemon } from '@damselfly/test'
import { cpuTimeOf, cpuTimeOfEndedChildren } from '../cpu-time.ts'
import { measured, sumOf } from '../measured.ts'
import { warmMemory } from '../warm-memory.ts'
import { memoryFor, type SwarmCase, type SwarmRun, type SwarmSetting } from './case.ts'

/** A supernode that has nothing yet, and `peers` daemons whose `dfget` want the file at the same time. */
export async function ourSwarm(setting: SwarmSetting, swarmCase: SwarmCase): Promise<SwarmRun> {
  const { lab, file } = setting
  const { supernode, daemons } = await startServers(setting, swarmCase)
  const outputs = daemons.map((_, i) => lab.path(`output-${i}`))
  await warmMemory(lab.path(), memoryFor(file, swarmCase))
  const { wall, used, result } = await measured(
    {
      dfget: cpuTimeOfEndedChildren,
      servers: sumOf([supernode, ...daemons].map(({ program }) => async () => cpuTimeOf(program.pid))),
      origin: file.originCpu,
    },
    async () => Promise.all(daemons.map((daemon, i) => lab.download(file.url, outputs[i] as string, daemon).done())),
  )
  for (const output of outputs) {
    if ((await digestOf(output)) !== file.sha256) throw new Error(`${output} is not what the origin serves`)
  }
  const fromPeers = result.reduce((sum, { bytesFrom }) => sum + bytesFrom.peers, 0)
  return { last: wall, cpu: used.dfget + used.servers + used.origin, fromPeers: fromPeers / (daemons.length * file.length) }
}

async function startServers(
  { lab }: SwarmSetting,
  { peers, uploadRate, encrypted }: SwarmCase,
): Promise<{ supernode: Awaited<ReturnType<typeof lab.supernode>>; daemons: readonly Daemon[] }> {
  const security = encrypted ? 'tls' : 'auto'
  const supernode = await lab.supernode('supernode', { config: { security, cdn: { uploadRate } } })
  const settings = { supernodes: [supernode.address], config: { security, rates: { upload: uploadRate } } }
  const names = Array.from({ length: peers }, (_, i) => `peer-${i}`)
  return { supernode, daemons: await Promise.all(names.map((name) => lab.daemon(name, settings))) }
}

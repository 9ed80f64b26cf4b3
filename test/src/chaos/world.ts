import type { Daemon } from '../daemon.ts'
import type { LabHost, LabNetwork } from '../lab-network.ts'
import type { Lab } from '../lab.ts'
import { canMountImages } from '../small-disk.ts'
import type { Supernode } from '../supernode.ts'
import { canStepClocks, clockEnvironment, setClock } from './clock-step.ts'
import { OriginControl } from './origin-control.ts'
import { peerNames, type HostName } from './plan.ts'
import { Victim } from './victim.ts'

/** Of each host's line, each way; bits per second. */
export const LINE_RATE = 100_000_000

/** Of each peer, so that it can be full; bytes. */
const DISK_BYTES = 640 * 1024 * 1024

/** Of the supernode's disk, which keeps all contents: for the start, and for each second of a run; bytes. */
const SUPERNODE_DISK = { first: 2 * 1024 ** 3, perSecond: 6 * 1024 ** 2 }

/** A supernode, an origin and peers, each a real process on a host of its own. */
export interface World {
  readonly lab: Lab
  readonly network: LabNetwork
  readonly origin: OriginControl
  readonly originHost: LabHost
  readonly supernode: Victim<Supernode>
  readonly peers: ReadonlyMap<HostName, Victim<Daemon>>
  readonly hasClocks: boolean
  /** Whether the supernode's disk is one of its own, which can be filled. */
  readonly hasSupernodeDisk: boolean
}

/** @param seconds how long it will be used */
export async function createWorld(lab: Lab, peers: number, seconds: number): Promise<World> {
  const network = await lab.network({ hosts: peers + 2, rate: LINE_RATE })
  const [supernodeHost, originHost, ...peerHosts] = network.hosts as readonly [LabHost, LabHost, ...LabHost[]]
  const hasClocks = await canStepClocks()
  const env = hasClocks ? (name: HostName) => clockEnvironment(clockFile(lab, name)) : () => ({})
  const startSupernode = async (): Promise<Supernode> =>
    lab.supernode('supernode', {
      host: supernodeHost,
      env: env('supernode'),
      config: { origins: { private: 'allow' }, management: { addresses: [network.firstFromHere], port: 0, tls: { mode: 'off' } } },
    })
  const supernode = new Victim({ name: 'supernode', host: supernodeHost, dataDir: lab.path('supernode'), start: startSupernode })
  if (hasClocks) for (const name of ['supernode', ...peerNames(peers)]) await setClock(clockFile(lab, name), 0)
  const hasSupernodeDisk = await canMountImages()
  if (hasSupernodeDisk) await lab.smallDisk('supernode', SUPERNODE_DISK.first + Math.ceil(seconds) * SUPERNODE_DISK.perSecond, 'ext4')
  const origin = await OriginControl.start(lab, originHost)
  await supernode.start()
  const address = (await supernode.running)?.address ?? ''
  const daemons = peerHosts.map((host, i) => {
    const name = `peer-${i + 1}`
    const start = async (): Promise<Daemon> => lab.daemon(name, { host, supernodes: [address], env: env(name) })
    return new Victim({ name, host, dataDir: lab.path(name), start })
  })
  for (const { name } of daemons) await lab.smallDisk(name, DISK_BYTES)
  await Promise.all(daemons.map(async (daemon) => daemon.start()))
  return { lab, network, origin, originHost, supernode, peers: new Map(daemons.map((daemon) => [daemon.name, daemon])), hasClocks, hasSupernodeDisk }
}

export function clockFile(lab: Lab, name: HostName): string {
  return lab.path(`${name}.clock`)
}

/** @throws if there is no such program; the origin is none that is killed */
export function victimOf({ supernode, peers }: World, name: HostName): Victim<Supernode> | Victim<Daemon> {
  const victim = name === 'supernode' ? supernode : peers.get(name)
  if (victim === undefined) throw new Error(`there is no ${name}`)
  return victim
}

export function hostOf(world: World, name: HostName): LabHost {
  return name === 'origin' ? world.originHost : victimOf(world, name).host
}

import { rm, writeFile } from 'node:fs/promises'
import { RegistryServer } from '@damselfly/cdn/testing/registry'
import type { Daemon, Lab, LabHost, LabNetwork, Supernode } from '@damselfly/test'
import { cpuTimeOf, cpuTimeOfEndedChildren } from '../cpu-time.ts'
import { measured, sumOf } from '../measured.ts'
import { pathOf, type References } from '../references/succeed.ts'
import { warmMemory } from '../warm-memory.ts'
import { bytesOfBlobs, REPOSITORY, registriesConf, type ImageName, type Registry } from './setting.ts'

export interface NodesCase {
  /** Beside the host of the registry and that of the supernode. */
  readonly nodes: number
  /** Of each host's line, each way; bits per second. */
  readonly rate: number
  readonly image: ImageName
}

export interface NodesRun {
  /** Seconds until one node alone has pulled the image from the registry itself. */
  readonly direct: number
  /** Seconds until the last of all nodes has pulled it through its daemon, all at once. */
  readonly last: number
  /** The same for the first one. */
  readonly first: number
  /** How many times the registry sent the blobs of the image meanwhile. */
  readonly fromRegistry: number
  /** CPU-seconds of the supernode and the daemons meanwhile. */
  readonly cpu: number
  /** CPU-seconds of the tools that pulled meanwhile. */
  readonly toolsCpu: number
}

/** Pulled by all before: nodes run for weeks, and so have their code compiled and know each other. */
const EARLIER: ImageName = 'many'

/** What each node pulls with. */
interface Node {
  readonly host: LabHost
  readonly daemon: Daemon
  readonly conf: string
  readonly output: string
}

/** A network of its own with a registry, a supernode and nodes on hosts of their own: the image to one of them from the registry, then to all through their daemons. */
export async function pullOnNodes(references: References, registry: Registry, { nodes: count, rate, image }: NodesCase): Promise<NodesRun> {
  const { lab } = references
  const network = await lab.network({ hosts: 2 + count, rate })
  const server = await RegistryServer.start({ storage: registry.storage, host: network.hosts[0] })
  try {
    const { supernode, nodes } = await startNodes(lab, network, server.authority)
    const direct = lab.path('direct.conf')
    await writeFile(direct, registriesConf(server.authority, undefined))
    const pull = async (name: ImageName, node: Node, conf = node.conf): Promise<number> => pullOn(references, server, name, { ...node, conf })

    await Promise.all(nodes.map(async (node) => pull(EARLIER, node)))
    await warmMemory(lab.path(), 2 * registry.lengths[image])
    const alone = await pull(image, nodes[0] as Node, direct)
    await warmMemory(lab.path(), (count + 1) * registry.lengths[image])
    const before = server.answers.length
    const cpu = sumOf([supernode, ...nodes.map(({ daemon }) => daemon)].map(({ program }) => async () => cpuTimeOf(program.pid)))
    const { used, result } = await measured({ cpu, tools: cpuTimeOfEndedChildren }, async () => Promise.all(nodes.map(async (node) => pull(image, node))))
    for (const { daemon } of nodes) await requireUsed(daemon, registry.lengths[image])
    return {
      direct: alone,
      last: Math.max(...result),
      first: Math.min(...result),
      fromRegistry: bytesOfBlobs(server.answers.slice(before)) / registry.lengths[image],
      cpu: used.cpu,
      toolsCpu: used.tools,
    }
  } finally {
    await server.stop()
  }
}

async function startNodes(lab: Lab, { hosts: [, second, ...others] }: LabNetwork, registry: string): Promise<{ readonly supernode: Supernode; readonly nodes: readonly Node[] }> {
  // Beyond this machine registries are asked with TLS, and not at private addresses, unless it is said.
  const config = { origins: { private: 'allow', registries: [{ host: registry, plainHttp: true }] } }
  const supernode = await lab.supernode('supernode', { host: second as LabHost, config })
  const start = async (host: LabHost, i: number): Promise<Node> => {
    const daemon = await lab.daemon(`node-${i}`, { host, supernodes: [supernode.address], config: { ...config, mirror: { port: 0 } } })
    const conf = lab.path(`node-${i}.conf`)
    await writeFile(conf, registriesConf(registry, daemon.mirror))
    return { host, daemon, conf, output: lab.path(`pulled-${i}`) }
  }
  return { supernode, nodes: await Promise.all(others.map(start)) }
}

/** A tool whose mirror fails goes to the registry without a word. */
async function requireUsed(daemon: Daemon, length: number): Promise<void> {
  const { usedBytes: held } = await daemon.call<{ readonly usedBytes: number }>('GET', '/api/v1/status')
  if (held < length) throw new Error(`a node did not pull through its daemon, which holds ${held} of ${length} bytes`)
}

/** @returns seconds */
async function pullOn({ lab, programs }: References, { authority }: RegistryServer, image: ImageName, { host, conf, output }: Node): Promise<number> {
  const args = ['--insecure-policy', '--registries-conf', conf, 'copy', '--quiet', `docker://${authority}/${REPOSITORY}:${image}`, `dir:${output}`]
  const started = performance.now()
  const { code, stderr } = await lab.program('skopeo', pathOf(programs, 'skopeo'), args, { enter: host.enter }).exited
  const seconds = (performance.now() - started) / 1000
  if (code !== 0) throw new Error(`skopeo ended with ${code}: ${stderr}`)
  await rm(output, { recursive: true })
  return seconds
}

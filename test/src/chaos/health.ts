import { digestOf } from '../content.ts'
import { until } from '../until.ts'
import { HEALTHY_WITHIN } from './model.ts'
import type { MachineShare } from './machine-share.ts'
import type { World } from './world.ts'

interface DaemonStatus {
  readonly supernode: { readonly type: string }
}

/** A content that nobody has. */
export interface FreshContent {
  readonly url: string
  /** SHA-256, in hexadecimal. */
  readonly digest: string
}

/** When all was well again; seconds from the last fault. */
export interface Health {
  /** All peers were connected. */
  readonly connected: number
  /** Who was not, a moment before. */
  readonly connectedLast: readonly string[]
  /** All had got a content that nobody had. */
  readonly served: number
  /** Who got it last. */
  readonly servedLast: string
}

/** Waits until all peers are connected and have got a content that nobody had. @throws after too long */
export async function becomeHealthy(world: World, fresh: FreshContent, machine: MachineShare): Promise<Health> {
  const begun = performance.now()
  const secondsNow = (): number => (performance.now() - begun) / 1000
  const giveUp = new AbortController()
  const over = new AbortController()
  void machine.timeout(HEALTHY_WITHIN, over.signal).then(() => giveUp.abort())
  const { signal } = giveUp
  try {
    const connectedLast = await whenConnected(world, signal)
    const connected = secondsNow()
    let servedLast = ''
    const downloads = Array.from(world.peers.keys(), async (peer) => {
      await downloadAt(world, peer, fresh, signal)
      servedLast = peer
    })
    await Promise.all(downloads)
    return { connected, connectedLast, served: secondsNow(), servedLast }
  } catch (error) {
    const why = signal.aborted ? `is not well ${HEALTHY_WITHIN} s after the last fault` : String(error)
    throw new Error(`the network ${why}: ${(await unwell(world)).join(', ') || 'all are connected'}`, { cause: error })
  } finally {
    over.abort()
  }
}

/** @returns who was not connected a moment before */
async function whenConnected(world: World, signal: AbortSignal): Promise<readonly string[]> {
  let last: readonly string[] = []
  await until(async () => {
    const now = await unwell(world)
    if (now.length > 0) last = now
    return now.length === 0
  }, signal)
  return last
}

/** Who is not connected. */
async function unwell({ supernode, peers }: World): Promise<readonly string[]> {
  const known = await supernode.runningNow?.metric('damselfly_supernode_peers').catch(() => undefined)
  const lonely = await Promise.all(
    Array.from(peers.values(), async (peer) => {
      const status = await peer.runningNow?.call<DaemonStatus>('GET', '/api/v1/status').catch(() => undefined)
      return status?.supernode.type === 'connected' ? [] : [peer.name]
    }),
  )
  return [...(known === peers.size ? [] : [`the supernode knows ${known ?? 'no'} peers`]), ...lonely.flat()]
}

async function downloadAt({ lab, peers }: World, peer: string, { url, digest }: FreshContent, signal: AbortSignal): Promise<void> {
  const daemon = peers.get(peer)?.runningNow
  if (daemon === undefined) throw new Error(`${peer} does not run`)
  const output = lab.path(`fresh-${peer}`)
  const download = lab.download(url, output, daemon, ['--no-back-to-source'])
  const giveUp = (): void => download.program.kill('SIGKILL')
  signal.addEventListener('abort', giveUp, { once: true })
  await download.done()
  signal.removeEventListener('abort', giveUp)
  if ((await digestOf(output)) !== digest) throw new Error(`${peer} has other bytes than the origin`)
}

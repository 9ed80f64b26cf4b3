import { setTimeout as sleep } from 'node:timers/promises'
import type { Supernode } from '@damselfly/test'
import { HELD } from './catalogue.ts'
import { PEERS, type Setting } from './setting.ts'

/** Between two questions to the supernode; milliseconds. */
const ASK_EVERY_MS = 500

/** Then something is wrong; milliseconds. */
const PATIENCE_MS = 60_000

/** The most that the supernode lists in one answer. */
const PAGE = 1000

export interface Reunion {
  /** From the end of the old supernode until all are connected with the new one; seconds. */
  readonly connected: number
  /** The same until the new one knows what all of them hold. */
  readonly announced: number
  readonly supernode: Supernode
}

/** Kills the supernode, starts it again and waits for everybody. */
export async function reunite({ supernode: old, startSupernode }: Setting): Promise<Reunion> {
  old.program.kill('SIGKILL')
  await old.program.exited
  const startedAt = performance.now()
  const since = (): number => (performance.now() - startedAt) / 1000
  const supernode = await startSupernode()
  await eventually(async () => (await supernode.metric('damselfly_supernode_peers')) === PEERS)
  const connected = since()
  await eventually(async () => (await announcedPeers(supernode)) === PEERS)
  return { connected, announced: since(), supernode }
}

/** Resolves when the supernode knows all peers and what they hold. */
export async function settled(supernode: Supernode): Promise<void> {
  await eventually(async () => (await announcedPeers(supernode)) === PEERS)
}

async function eventually(isSo: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`not all peers are there after ${PATIENCE_MS / 1000} s`)
    await sleep(ASK_EVERY_MS)
  }
}

async function announcedPeers(supernode: Supernode): Promise<number> {
  let count = 0
  let after = ''
  for (;;) {
    const query = `limit=${PAGE}${after === '' ? '' : `&after=${after}`}`
    const { peers, next } = await supernode.get<PeerPage>(`/api/v1/peers?${query}`)
    count += peers.filter(({ tasks }) => tasks >= HELD).length
    if (next === null) return count
    after = next
  }
}

interface PeerPage {
  readonly peers: readonly { readonly tasks: number }[]
  readonly next: string | null
}

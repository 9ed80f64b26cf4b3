import { errorFromWire, pause, type Clock } from '@damselfly/shared'
import * as z from 'zod'
import type { ManagementClient } from '../management/management-client.ts'
import { formatBytes } from '../progress/format.ts'
import type { WriteLine } from '../progress/reporter.ts'
import type { PreheatJob } from './command.ts'

/** How often the supernode is asked; milliseconds. */
const INTERVAL = 500

const PATH = '/api/v1/preheats'

const failure = z.object({ code: z.string(), message: z.string() }).nullable()
const summary = z.object({
  id: z.string(),
  state: z.string(),
  contents: z.object({ total: z.number(), held: z.number(), failed: z.number() }),
  targets: z.object({ total: z.number(), done: z.number(), failed: z.number() }),
  bytes: z.object({ cdn: z.number(), peers: z.number() }),
})
const detail = summary.extend({ results: z.array(z.object({ url: z.string(), error: failure })) })
const targetPage = z.object({ targets: z.array(z.object({ url: z.string(), peer: z.string(), hostName: z.string(), error: failure })) })

type Summary = z.output<typeof summary>

/** Does what was asked, and tells how it goes. @throws DamselflyError why not everything is where it should be */
export async function preheat({ ask, json }: PreheatJob, client: ManagementClient, write: WriteLine, clock: Clock): Promise<void> {
  if (ask.type === 'cancel') return tell(await client.send('POST', `${pathOf(ask.id)}/cancel`, undefined, summary), json, write)
  const id = ask.type === 'begin' ? (await client.send('POST', PATH, ask.body, summary)).id : ask.id
  if (ask.type === 'begin' && !json) write(`preheat ${id}`)
  if (ask.type === 'begin' && ask.isDetached) return json ? write(JSON.stringify({ id })) : undefined
  await follow(id, client, (shown) => tell(shown, json, write), clock)
  await throwFailure(id, client)
}

async function follow(id: string, client: ManagementClient, show: (shown: Summary) => void, clock: Clock): Promise<void> {
  let last = ''
  for (;;) {
    const shown = await client.get(pathOf(id), {}, summary)
    const text = JSON.stringify(shown)
    if (text !== last) show(shown)
    last = text
    if (shown.state !== 'waiting' && shown.state !== 'running') return
    // The clock's own timers keep no process alive.
    const alive = setInterval(() => undefined, INTERVAL)
    await pause(clock, INTERVAL).finally(() => clearInterval(alive))
  }
}

function tell(shown: Summary, json: boolean, write: WriteLine): void {
  if (json) return write(JSON.stringify(shown))
  const { state, contents, targets, bytes } = shown
  const parts = [`${contents.held} of ${contents.total} at the supernode (${formatBytes(bytes.cdn)})`]
  if (targets.total > 0) parts.push(`${targets.done} of ${targets.total} at peers (${formatBytes(bytes.peers)})`)
  const failed = contents.failed + targets.failed
  if (failed > 0) parts.push(`${failed} failed`)
  write(`${state}: ${parts.join(', ')}`)
}

/** The first of what went wrong, if that was not made good. */
async function throwFailure(id: string, client: ManagementClient): Promise<void> {
  const { state, results } = await client.get(pathOf(id), {}, detail)
  if (state === 'done') return
  const { targets } = await client.get(`${pathOf(id)}/targets`, { limit: 1000 }, targetPage)
  const places = [...results.map((result) => ({ ...result, place: '' })), ...targets.map((target) => ({ ...target, place: ` at ${target.hostName}` }))]
  for (const { url, error, place } of places) if (error !== null) throw errorFromWire(error.code, `${url}${place}: ${error.message}`)
  throw errorFromWire(state === 'cancelled' ? 'CANCELLED' : 'PEER_NOT_FOUND', state === 'cancelled' ? 'the preheat was cancelled' : 'there were too few peers that take preheats')
}

function pathOf(id: string): string {
  return `${PATH}/${encodeURIComponent(id)}`
}

import * as z from 'zod'
import type { ManagementClient } from '../management/management-client.ts'
import type { WriteLine } from '../progress/reporter.ts'

const PATH = '/api/v1/admission'

const standing = z.object({ peer: z.string(), state: z.string(), at: z.string(), by: z.string(), note: z.string() })
const page = z.object({ mode: z.string(), peers: z.array(standing), next: z.string().nullable() })

export async function listPeers(client: ManagementClient, json: boolean, write: WriteLine): Promise<void> {
  for (let after: string | undefined, isFirst = true; isFirst || after !== undefined; isFirst = false) {
    const { mode, peers, next } = await client.get(PATH, { after, limit: 1000 }, page)
    if (isFirst) write(json ? JSON.stringify({ mode }) : MODES[mode] ?? `admission: ${mode}`)
    for (const each of peers) write(json ? JSON.stringify(each) : lineOf(each))
    after = next ?? undefined
  }
}

/** @param verb of the route */
export async function decide(client: ManagementClient, verb: 'admit' | 'revoke', peers: readonly string[], note: string, json: boolean, write: WriteLine): Promise<void> {
  for (const peer of peers) {
    const decided = await client.send('POST', `${PATH}/${encodeURIComponent(peer)}/${verb}`, { note }, standing)
    write(json ? JSON.stringify(decided) : `${decided.state} ${peer}`)
  }
}

const MODES: Readonly<Record<string, string>> = {
  open: 'open: all peers may join but those that were revoked',
  token: 'token: peers join with a token, and those below without',
  list: 'list: only the peers below may join',
}

function lineOf({ peer, state, at, by, note }: z.output<typeof standing>): string {
  return `${peer}  ${state} ${at.slice(0, 16)}Z by ${by}${note === '' ? '' : `  ${note}`}`
}

import * as z from 'zod'
import type { ManagementClient } from '../management/management-client.ts'
import type { WriteLine } from '../progress/reporter.ts'

/** What the API gives at once at most. */
const PAGE = 1000

const entry = z.object({
  number: z.number(),
  at: z.string(),
  who: z.string(),
  role: z.string(),
  address: z.string(),
  action: z.string(),
  target: z.string(),
  given: z.record(z.string(), z.unknown()),
  status: z.number(),
  code: z.string().nullable(),
})
type Entry = z.output<typeof entry>

export interface AuditWish {
  readonly path: string
  readonly query: Readonly<Record<string, string | undefined>>
  /** The newest so many. */
  readonly limit: number
  readonly json: boolean
}

/** In the order in which it happened. */
export async function showAudit(client: ManagementClient, { path, query, limit, json }: AuditWish, write: WriteLine): Promise<void> {
  const body = z.object({ entries: z.array(entry), next: z.number().nullable() })
  const found: Entry[] = []
  let before: number | undefined
  do {
    const page = await client.get(path, { ...query, before, limit: Math.min(PAGE, limit - found.length) }, body)
    found.push(...page.entries)
    before = page.next ?? undefined
  } while (before !== undefined && found.length < limit)
  for (const each of found.toReversed()) write(json ? JSON.stringify(each) : lineOf(each))
}

function lineOf({ at, who, role, address, action, target, given, status, code }: Entry): string {
  const fields = Object.keys(given).length === 0 ? '' : ` ${JSON.stringify(given)}`
  const line = `${at.slice(0, 19)}Z  ${status}${code === null ? '' : ` ${code}`}  ${who} (${role}) from ${address}: ${action}${target === '' ? '' : ` ${target}`}${fields}`
  return printable(line)
}

/** Names come from others, and a terminal obeys control characters. */
function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '?')
}

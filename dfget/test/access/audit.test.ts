import assert from 'node:assert/strict'
import { isDamselflyError, VirtualClock } from '@damselfly/shared'
import { readAuditCommand } from '../../src/access/audit-command.ts'
import { ManagementClient } from '../../src/management/management-client.ts'

const clock = new VirtualClock(Date.UTC(2026, 0, 2))

interface Asked {
  readonly path: string
  readonly query: Readonly<Record<string, unknown>>
}

describe('dfget audit', () => {
  const entryOf = (number: number, who = 'chief (a1)'): object => {
    return { number, at: '2026-01-01T10:20:30.456Z', who, role: 'admin', address: '192.0.2.1', action: 'DELETE /api/v1/tokens/:id', target: 'b2', given: {}, status: 404, code: 'TOKEN_NOT_FOUND' }
  }

  const run = async (entries: readonly object[], ...args: readonly string[]): Promise<{ readonly text: string; readonly asked: readonly Asked[] }> => {
    const asked: Asked[] = []
    class FakeClient extends ManagementClient {
      override async get<T>(path: string, query: Readonly<Record<string, unknown>>): Promise<T> {
        asked.push({ path, query })
        const from = entries.filter((each) => (each as { number: number }).number < Number(query['before'] ?? Number.POSITIVE_INFINITY))
        const page = from.toReversed().slice(0, Math.min(2, Number(query['limit'])))
        const last = page.at(-1) as { number: number } | undefined
        return { entries: page, next: page.length < from.length ? last?.number : null } as T
      }
    }
    const job = readAuditCommand(args, clock)
    if ('printed' in job) return { text: job.printed, asked }
    let text = ''
    await job.act(new FakeClient('http://x', 'y'), (line) => (text += `${line}\n`))
    return { text, asked }
  }

  it('shows what happened, in order, over several pages', async () => {
    const entries = [1, 2, 3, 4, 5].map((number) => entryOf(number, `who ${number}`))
    const { text } = await run(entries, '--limit', '4')
    assert.deepEqual(text.match(/who \d/g), ['who 2', 'who 3', 'who 4', 'who 5'])
    assert.equal(text.split('\n')[0], '2026-01-01T10:20:30Z  404 TOKEN_NOT_FOUND  who 2 (admin) from 192.0.2.1: DELETE /api/v1/tokens/:id b2')
    assert.deepEqual((await run(entries, '--json')).text.trimEnd().split('\n').map((line) => JSON.parse(line) as object), entries)
  })

  it('asks for what the options say', async () => {
    const { asked } = await run([], '--who', 'chief', '--failed', '--since', '1d', '--until', '2026-01-01T12:00:00Z', '--refusals')
    const [{ path, query }] = asked as [Asked]
    assert.equal(path, '/api/v1/audit/refusals')
    assert.deepEqual([query['who'], query['failed'], query['since'], query['until'], query['limit']], ['chief', 'true', '2026-01-01T00:00:00.000Z', '2026-01-01T12:00:00.000Z', 100])
  })

  it('lets no name reach the terminal as a command', async () => {
    const { text } = await run([entryOf(1, 'x\u001B[2J\u202Ey')])
    assert.match(text, /x\?\[2J\?y/)
  })

  it('is refused with USAGE when it makes no sense', async () => {
    for (const args of [['x'], ['--limit', '0'], ['--limit', 'all'], ['--since', 'yesterday']]) {
      await assert.rejects(run([], ...args), (error) => isDamselflyError(error, 'USAGE'), args.join(' '))
    }
    assert.match((await run([], '--help')).text, /--refusals/)
  })
})

import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDamselflyError, isErrorCode, VirtualClock } from '@damselfly/shared'
import { silentLogger } from '@damselfly/shared/logging'
import { ApiTokens, type NewToken } from '../../src/access/api-tokens.ts'
import { AuditLog } from '../../src/access/audit-log.ts'
import { createControlBench, largeContent, settle } from '../control-bench.ts'

describe('what the supernode keeps for callers and peers', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'damselfly-bounds-'))
  })
  afterEach(() => rm(folder, { recursive: true }))

  it('are a thousand tokens, join tokens among them, until one expires or is revoked', async () => {
    const clock = new VirtualClock(Date.UTC(2026, 0, 1))
    const head = { createdAt: '2026-01-01T00:00:00.000Z', name: 'x', role: 'peer', scopes: null, hash: '0'.repeat(64), createdBy: 'test', lastUsedAt: null, usesLeft: null }
    const tokens = Array.from({ length: 1000 }, (_, n) => ({ ...head, id: `${n}`, expiresAt: n === 0 ? '2026-01-02T00:00:00.000Z' : null }))
    await writeFile(join(folder, 'tokens.json'), JSON.stringify(tokens))
    const kept = new ApiTokens({ dataDir: folder, clock, logger: silentLogger() })
    await kept.load()
    const given: NewToken = { name: 'one more', role: 'viewer', scopes: null, expiresAt: null, usesLeft: null, createdBy: 'test' }
    const isFull = (error: unknown): boolean => isDamselflyError(error, 'USAGE') && error.message.includes('1000')
    await assert.rejects(kept.create(given), isFull)
    clock.advance(2 * 86_400_000)
    await kept.create(given)
    await assert.rejects(kept.create(given), isFull)
    await kept.revoke('7')
    await kept.create(given)
    await kept.stop()
  })

  it('are five thousand entries of the audit log in memory', async () => {
    const entry = { at: '2026-01-01T00:00:00.000Z', who: 'x', role: 'admin', address: '::1', action: 'POST /x', target: '', given: {}, status: 200, code: null }
    await writeFile(join(folder, 'audit.jsonl'), Array.from({ length: 6000 }, (_, n) => `${JSON.stringify({ ...entry, number: n + 1 })}\n`).join(''))
    const log = new AuditLog({ dataDir: folder, clock: new VirtualClock(), logger: silentLogger() })
    await log.load()
    for (let n = 0; n < 2; n++) await log.record(entry)
    assert.equal(log.list(100_000).length, 5000)
    assert.equal(log.list(1)[0]?.number, 6002)
  })

  it('are a thousand preheats, as long as none is over', async () => {
    const bench = createControlBench({ rulesDirectory: folder })
    await mkdir(join(folder, 'preheats'))
    const gate = Promise.withResolvers<void>()
    bench.cdn.gate = gate.promise
    const content = { digest: undefined, headers: [], filteredQueryParams: [], tag: '', application: '', range: undefined }
    const ask = (n: number): ReturnType<typeof bench.preheats.add> =>
      bench.preheats.add({ key: undefined, scope: 'supernode', count: 1, location: '', contents: [{ ...content, url: `https://a.example/${n}` }] })
    const [first] = await Promise.all(Array.from({ length: 1000 }, (_, n) => ask(n)))
    await assert.rejects(ask(1000), (error) => isDamselflyError(error, 'SUPERNODE_OVERLOADED'))
    await bench.preheats.remove(first?.id ?? '')
    await ask(1000)
    gate.resolve()
    await bench.stop()
  })

  it('are labels of metrics that are known before, whatever peers say', async () => {
    const bench = createControlBench()
    bench.cdn.contents.set('https://a.example/x', largeContent(2))
    const peer = bench.peer()
    const { taskId } = await peer.register({ url: 'https://a.example/x' })
    for (let n = 0; n < 100; n++) {
      peer.say({ case: 'pieceFailed', value: { taskId, index: 0, parent: bench.identity.peerId, reason: `MADE_UP_${n}`, message: '' } })
      await peer.register({ url: `no-scheme-${n}` })
    }
    await settle()
    const labels = [...(await bench.metrics.registry.metrics()).matchAll(/^damselfly_\w+\{(?:result|code|reason|limit|from)="([^"]*)"/gm)].map(([, label]) => label ?? '')
    assert.ok(labels.length > 0)
    for (const label of labels) assert.ok(label === 'ok' || isErrorCode(label) || /^[a-z-]{1,30}$/.test(label), label)
    assert.ok(new Set(labels).size < 50)
    await bench.stop()
  })
})

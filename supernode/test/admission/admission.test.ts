import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDamselflyError, VirtualClock, type PeerId } from '@damselfly/shared'
import { silentLogger } from '@damselfly/shared/logging'
import { createIdentity } from '@damselfly/exchange'
import type { AuditEntry } from '../../src/access/audit-log.ts'
import { ApiTokens, type NewToken } from '../../src/access/api-tokens.ts'
import { PeerAdmission, type AdmissionMode } from '../../src/admission/peer-admission.ts'
import { PeerStandings } from '../../src/admission/peer-standings.ts'
import { admissionMode } from '../../src/config/admission-config.ts'

const notAdmitted = (why: RegExp) => (error: unknown): boolean => isDamselflyError(error, 'PEER_NOT_ADMITTED') && why.test(error.message)
const someone = (): PeerId => createIdentity().peerId

describe('admission of peers', () => {
  const clock = new VirtualClock(Date.UTC(2026, 0, 1))
  const logger = silentLogger()
  let dataDir: string
  let tokens: ApiTokens
  let standings: PeerStandings
  let audited: Omit<AuditEntry, 'number' | 'at'>[]
  const file = (): string => join(dataDir, 'peers.jsonl')

  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'damselfly-admission-'))
    tokens = new ApiTokens({ dataDir, clock, logger })
    audited = []
    standings = new PeerStandings(file())
    await standings.load()
  })
  afterEach(async () => {
    await standings.stop()
    await tokens.stop()
    await rm(dataDir, { recursive: true })
  })

  const admission = (mode: AdmissionMode, allowed: readonly PeerId[] = []): PeerAdmission =>
    new PeerAdmission({ mode, allowed: new Set(allowed), standings, tokens, audit: { record: async (entry) => void audited.push(entry) }, clock, logger })

  async function again(mode: AdmissionMode): Promise<PeerAdmission> {
    await standings.stop()
    await tokens.stop()
    standings = new PeerStandings(file())
    await standings.load()
    return admission(mode)
  }

  const joinToken = (more: Partial<NewToken> = {}) =>
    tokens.create({ name: 'rack 7', role: 'peer', scopes: null, expiresAt: null, usesLeft: null, createdBy: 'test', ...more })

  it('is open while peers can come from this machine alone, else by token, unless the operator says otherwise', () => {
    assert.equal(admissionMode({ mode: 'auto', allow: [] }, ['127.0.0.1', '::1']), 'open')
    assert.equal(admissionMode({ mode: 'auto', allow: [] }, ['127.0.0.1', '192.0.2.1']), 'token')
    assert.equal(admissionMode({ mode: 'auto', allow: [] }, ['::']), 'token')
    assert.equal(admissionMode({ mode: 'open', allow: [] }, ['::']), 'open')
    assert.equal(admissionMode({ mode: 'list', allow: [] }, ['127.0.0.1']), 'list')
  })

  it('lets everybody in where it is open, but those that were revoked', async () => {
    const open = admission('open')
    const peer = someone()
    open.check(peer, '', '192.0.2.1:1')
    await open.revoke(peer, 'me', 'stolen')
    assert.throws(() => open.check(peer, '', '192.0.2.1:1'), notAdmitted(/revoked/))
    assert.throws(() => open.check(peer, '', ''), notAdmitted(/peer admit/))
    await open.admit(peer, 'me', 'found')
    open.check(peer, '', '192.0.2.1:1')
  })

  it('takes a join token once, remembers the peer over restarts, and writes down who came how', async () => {
    const byToken = admission('token')
    const peer = someone()
    assert.throws(() => byToken.check(peer, '', ''), notAdmitted(/shows no join token/))
    const { text, token } = await joinToken({ usesLeft: 1 })
    byToken.check(peer, `${text}.${someone()}`, '192.0.2.1:7')
    byToken.check(peer, '', '192.0.2.1:8')
    assert.throws(() => byToken.check(someone(), text, ''), notAdmitted(/used up/))
    assert.deepEqual(audited.map(({ who, action, address, given }) => ({ who, action, address, given })), [
      { who: peer, action: 'join', address: '192.0.2.1:7', given: { token: token.id, name: 'rack 7' } },
    ])
    const later = await again('token')
    later.check(peer, '', '')
    assert.throws(() => later.check(someone(), text, ''), notAdmitted(/used up/))
    assert.equal((await stat(file())).mode & 0o777, 0o600)
    assert.ok(!(await readFile(file(), 'utf8')).includes(text.slice(-43)))
  })

  it('takes no token that expired, was revoked, or is for the API', async () => {
    const byToken = admission('token')
    const [expired, revoked, api] = [await joinToken({ expiresAt: new Date(clock.wallTime() + 1000).toISOString() }), await joinToken(), await joinToken({ role: 'admin' })]
    await tokens.revoke(revoked.token.id)
    clock.advance(2000)
    for (const { text } of [expired, revoked, api]) assert.throws(() => byToken.check(someone(), text, ''), notAdmitted(/unknown, expired, revoked or used up/))
    for (const text of ['x', `dfly_${'0'.repeat(12)}_${'x'.repeat(43)}`]) assert.throws(() => byToken.check(someone(), text, ''), notAdmitted(/unknown/))
  })

  it('heeds the list alone where there is one, and no token brings back whom somebody revoked', async () => {
    const [named, added, token] = [someone(), someone(), await joinToken()]
    const list = admission('list', [named])
    list.check(named, '', '')
    assert.throws(() => list.check(added, token.text, ''), notAdmitted(/not on the list/))
    await list.admit(added, 'me', 'new host')
    list.check(added, '', '')
    assert.deepEqual(list.list().map(({ peer, state, by }) => ({ peer, state, by })), [
      { peer: added, state: 'admitted', by: 'me' },
      { peer: named, state: 'admitted', by: 'configuration' },
    ])
    await list.revoke(named, 'me', '')
    assert.throws(() => list.check(named, '', ''), notAdmitted(/revoked/))
    const byToken = await again('token')
    assert.throws(() => byToken.check(named, token.text, ''), notAdmitted(/revoked/))
    byToken.check(added, '', '')
  })

  it('passes over the half line of a crash, and goes on behind it', async () => {
    const list = admission('list')
    const [first, second] = [someone(), someone()]
    await list.admit(first, 'me', '')
    await standings.stop()
    await writeFile(file(), '{"peer":"half', { flag: 'a' })
    const later = await again('list')
    await later.admit(second, 'me', '')
    const last = await again('list')
    for (const peer of [first, second]) last.check(peer, '', '')
  })
})

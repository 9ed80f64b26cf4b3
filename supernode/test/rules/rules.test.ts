import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDamselflyError, VirtualClock, type PeerId } from '@damselfly/shared'
import fc from 'fast-check'
import { blockConditions, blockRule, type BlockRule } from '../../src/rules/block-rule.ts'
import { matcherOf } from '../../src/rules/download-conditions.ts'
import { createRuleList, type RuleList } from '../../src/rules/rule-list.ts'
import { matchesPattern } from '../../src/rules/url-pattern.ts'

const HEAD = { id: '1', reason: '', createdAt: '2026-01-01T00:00:00.000Z', expiresAt: null }
const TASK = { url: 'https://files.example/a/big.iso?x=1', tag: 'nightly', application: 'ci' }
const PEER = { peer: 'peer' as PeerId, address: '192.0.2.7' }

const rule = (conditions: Partial<BlockRule>): BlockRule => ({ ...HEAD, direction: 'download', ...conditions })

describe('a rule that blocks', () => {
  for (const [what, conditions, expected] of [
    ['the peer', { peer: 'peer' }, true],
    ['another peer', { peer: 'other' }, false],
    ['its address', { addresses: '192.0.2.7' }, true],
    ['another address', { addresses: '192.0.2.8' }, false],
    ['its network', { addresses: '192.0.2.0/24' }, true],
    ['another network', { addresses: '192.0.3.0/24' }, false],
    ['a network of IPv6', { addresses: '2001:db8::/32' }, false],
    ['its tag', { tag: 'nightly' }, true],
    ['another tag', { tag: 'night' }, false],
    ['its application', { application: 'ci' }, true],
    ['a pattern of its URL', { url: 'https://files.example/*.iso*' }, true],
    ['the beginning of its URL alone', { url: 'https://files.example/' }, false],
    ['all of them', { peer: 'peer', addresses: '192.0.2.0/24', tag: 'nightly', application: 'ci', url: '*' }, true],
    ['all but one of them', { peer: 'peer', addresses: '192.0.2.0/24', tag: 'nightly', application: 'cd', url: '*' }, false],
  ] as const) {
    it(`${expected ? 'matches' : 'does not match'} by ${what}`, () => {
      assert.equal(matcherOf(rule(conditions)).matches(PEER, TASK), expected)
    })
  }

  it('knows IPv6, and IPv4 in its notation', () => {
    const matches = (addresses: string, address: string): boolean => matcherOf(rule({ addresses })).matches({ ...PEER, address }, TASK)
    assert.ok(matches('2001:db8::/32', '2001:db8:1::1'))
    assert.ok(!matches('2001:db8::/32', '2001:db9::1'))
    assert.ok(matches('192.0.2.0/24', '::ffff:192.0.2.9'))
    assert.ok(matches('fe80::/10', 'fe80::1%eth0'))
    assert.ok(!matches('0.0.0.0/0', '2001:db8::1'))
    assert.ok(!matches('::/0', 'no address'))
  })

  it('is refused with what is no network', () => {
    for (const addresses of ['', 'host', '192.0.2.0/33', '::/129', '192.0.2.0/', '192.0.2.0/2/4', '192.0.2.0/-1']) {
      assert.ok(!blockConditions.safeParse({ direction: 'upload', addresses }).success, addresses)
    }
  })
})

describe('a pattern of URLs', () => {
  it('matches as a regular expression would that has .* for *', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '/', '.'), maxLength: 12 })
    const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '/', '.', '*'), maxLength: 8 })
    fc.assert(
      fc.property(text, pattern, (given, by) => {
        const parts = by.split('*').map((part) => part.replace(/[/.]/g, '\\$&'))
        assert.equal(matchesPattern(given, by), new RegExp(`^${parts.join('.*')}$`, 's').test(given))
      }),
      { numRuns: 1000 },
    )
  })

  it('takes no time that grows with the number of stars', () => {
    assert.equal(matchesPattern('a'.repeat(2000), `${'*a'.repeat(900)}*b`), false)
  })
})

describe('the rules of a supernode', () => {
  let folder: string
  let file: string
  let clock: VirtualClock

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'damselfly-rules-'))
    file = join(folder, 'rules.json')
    clock = new VirtualClock(Date.UTC(2026, 0, 1))
  })

  afterEach(() => rm(folder, { recursive: true }))

  async function open(): Promise<RuleList<BlockRule>> {
    const store = createRuleList({ file, schema: blockRule, clock })
    await store.load()
    return store
  }

  const terms = { reason: 'broken disk', expiresAt: null, direction: 'upload' } as const

  it('are kept over restarts, in a file of its owner alone that is replaced at once', async () => {
    const store = await open()
    const made = await store.add({ ...terms, peer: 'a' })
    await Promise.all([store.add({ ...terms, tag: 'b' }), store.add({ ...terms, tag: 'c' })])
    await store.remove(made.id)
    await store.stop()
    assert.equal((await stat(file)).mode & 0o777, 0o600)
    assert.deepEqual(await readdir(folder), ['rules.json'])
    const again = await open()
    assert.deepEqual(again.list(), store.list())
    assert.deepEqual(again.list().map(({ tag }) => tag), ['b', 'c'])
    await again.stop()
  })

  it('end when they expire, and tell so', async () => {
    const store = await open()
    let changes = 0
    store.onChange(() => void changes++)
    const expiresAt = new Date(clock.wallTime() + 60_000).toISOString()
    await store.add({ ...terms, peer: 'a', expiresAt })
    await store.add({ ...terms, peer: 'b' })
    clock.advance(59_000)
    assert.equal(store.list().length, 2)
    clock.advance(1_000)
    assert.deepEqual([store.list().map(({ peer }) => peer), changes], [['b'], 3])
    await assert.rejects(store.add({ ...terms, peer: 'c', expiresAt }), (error) => isDamselflyError(error, 'USAGE'))
    await store.stop()
    assert.deepEqual((await open()).list().map(({ peer }) => peer), ['b'])
    assert.equal(clock.pending, 0)
  })

  it('that are unknown cannot be removed', async () => {
    const store = await open()
    await assert.rejects(store.remove('x'), (error) => isDamselflyError(error, 'RULE_NOT_FOUND'))
  })

  it('are no more than can be looked through for each registration', async () => {
    const rules = Array.from({ length: 1000 }, (_, index) => ({ ...HEAD, id: `${index}`, direction: 'upload', peer: `${index}` }))
    await writeFile(file, JSON.stringify(rules))
    await assert.rejects((await open()).add({ ...terms, peer: 'a' }), (error) => isDamselflyError(error, 'USAGE'))
  })

  it('are not guessed from a spoiled file', async () => {
    for (const text of ['', '{', '[{"id":"1"}]', '{"rules":[]}']) {
      await writeFile(file, text)
      await assert.rejects(open(), (error) => isDamselflyError(error, 'CONFIG_INVALID') && error.message.includes(file))
    }
    assert.equal(await readFile(file, 'utf8'), '{"rules":[]}')
  })

  it('are as before when the disk fails', async () => {
    const store = createRuleList({ file: join(folder, 'missing', 'rules.json'), schema: blockRule, clock })
    await assert.rejects(store.add({ ...terms, peer: 'a' }))
    assert.deepEqual(store.list(), [])
  })
})

import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { PeerId } from '@damselfly/shared'
import { isDamselflyError } from '@damselfly/shared'
import type { ParentCandidate } from '../../src/policies/parent-choice.ts'
import { allSlots } from '../../src/policies/upload-slots.ts'
import { guardPolicies } from '../../src/plugin/guard-policies.ts'
import type { PolicyFault } from '../../src/plugin/guard.ts'
import { loadPolicies } from '../../src/plugin/load-policies.ts'
import type { PolicySet } from '../../src/plugin/policy-module.ts'
import { goesToSource, Stage } from '../stage.ts'

describe('a module with policies', () => {
  let directory: string

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'damselfly-policies-'))
  })
  afterEach(() => rm(directory, { recursive: true }))

  const load = async (source: string): Promise<PolicySet> => {
    await writeFile(join(directory, 'policy.ts'), source)
    return loadPolicies('./policy.ts', directory)
  }

  const refused = async (policies: Promise<unknown>): Promise<string> => {
    const error = await policies.then(() => assert.fail('it was not refused'), (reason: unknown) => reason)
    assert.ok(isDamselflyError(error, 'CONFIG_INVALID'), String(error))
    return error.message
  }

  it('is TypeScript, relative to a directory, and builds on the defaults', async () => {
    const { admission, parentChoice } = await load(`
      import type { CreatePolicies } from '@damselfly/scheduler'
      export const createPolicies: CreatePolicies = ({ admission }) => ({
        admission: { ...admission, admits: (): boolean => false },
      })`)
    assert.equal(parentChoice, undefined)
    assert.equal(admission?.isSlow(1, 100), true)
    assert.equal(admission?.admits({ inFlight: 0, cdnInFlight: 0, onlyFromSlow: true, spareCopies: 0, peerCopies: 9 }), false)
  })

  it('may be a package that is installed there, for imports only as well', async () => {
    const folder = join(directory, 'node_modules', 'our-policies')
    await mkdir(folder, { recursive: true })
    await writeFile(join(folder, 'package.json'), JSON.stringify({ type: 'module', exports: { import: './main.js' } }))
    await writeFile(join(folder, 'main.js'), 'export async function createPolicies() { return {} }')
    assert.deepEqual(await loadPolicies('our-policies', directory), {})
    assert.match(await refused(loadPolicies('their-policies', directory)), /^policy their-policies: cannot be loaded: Cannot find package 'their-policies'/)
  })

  it('is refused with what is missing or wrong, all at once', async () => {
    const cases: [string, RegExp[]][] = [
      ['export const policies = {}', [/there is no export 'createPolicies'; it exports policies$/]],
      ['export const createPolicies = 5', [/'createPolicies' is a number, expected a function/]],
      ['export const createPolicies = () => undefined', [/what createPolicies returns is missing, expected an object with policies/]],
      [
        'export const createPolicies = () => ({ parentChoise: {}, admission: { isSlow: 1 }, pieceOrders: { "rarest-first": {}, sorted: {} }, blocklist: null })',
        [
          /parentChoise: there is no such policy; did you mean 'parentChoice'\?/,
          /admission\.isSlow is a number, expected a function/,
          /admission\.admits is missing, expected a function/,
          /blocklist is null, expected an object with failed, /,
          /pieceOrders\.rarest-first\.choose is missing, expected a function/,
          /pieceOrders\.sorted: there is no such policy; there are rarest-first, in-order/,
        ],
      ],
      ['export const createPolicies = () => { throw new Error("not today") }', [/cannot be loaded: not today/]],
      ['export const createPolicies = ', [/cannot be loaded: /]],
    ]
    for (const [index, [source, problems]] of cases.entries()) {
      await writeFile(join(directory, `${index}.mts`), source)
      const message = await refused(loadPolicies(`./${index}.mts`, directory))
      const lines = message.split('\n')
      assert.equal(lines.length, problems.length, message)
      for (const [line, problem] of problems.entries()) assert.match(lines[line] ?? '', problem)
    }
    assert.match(await refused(loadPolicies('./none.ts', directory)), /^policy \.\/none\.ts: there is no file .*none\.ts$/)
  })
})

describe('policies of somebody', () => {
  let faults: PolicyFault[]

  beforeEach(() => {
    faults = []
  })

  const staged = (policies: PolicySet): Stage => {
    const stage = new Stage({ policies: guardPolicies(policies, (fault) => faults.push(fault)) })
    stage.registers(4)
    for (const peer of ['ann', 'bob', 'cat']) stage.joins(peer)
    return stage
  }

  it('decide', () => {
    const highest = { choose: (choices: { all(): Iterable<number> }) => [...choices.all()].at(-1) }
    const last = { choose: <T extends ParentCandidate>(_: unknown, candidates: readonly T[]): T => candidates.at(-1) as T }
    const stage = staged({ pieceOrders: { 'rarest-first': highest }, parentChoice: last })
    for (const peer of ['ann', 'bob']) stage.has(peer, [0, 1, 2, 3])
    assert.deepEqual(
      stage.downloads('cat', 2).map((line) => line.split(' ').slice(0, 3).join(' ')),
      ['cat takes 3', 'cat takes 2'],
    )
    assert.deepEqual(faults, [])
  })

  it('that throw or answer wrongly are replaced by the default for that decision', () => {
    const fail = (): never => {
      throw new Error('oh')
    }
    const wrong = [
      { choose: fail },
      { choose: () => 77 },
      { choose: () => 0.5 },
      { choose: () => undefined },
      { choose: () => 'no' as unknown as number },
    ]
    for (const order of wrong) {
      const stage = staged({ pieceOrders: { 'in-order': order }, parentChoice: { choose: fail }, admission: { isSlow: fail, admits: fail } })
      for (const peer of ['ann', 'bob']) stage.has(peer, [0, 1, 2, 3])
      const first = stage.downloads('cat', 1, 'in-order')
      assert.match(first[0] ?? '', /^cat takes 0 from /)
      assert.deepEqual(faults.map(({ policy }) => policy), ['pieceOrders.in-order.choose', 'parentChoice.choose'])
      faults = []
    }
  })

  it('whose turns fail leave them to the default', () => {
    for (const isBackgroundsTurn of [() => { throw new Error('oh') }, () => 1 as never]) {
      faults = []
      const { turns } = guardPolicies({ turns: { isBackgroundsTurn } }, (fault) => faults.push(fault))
      assert.deepEqual([turns.isBackgroundsTurn(0), turns.isBackgroundsTurn(24)], [false, true])
      assert.deepEqual(faults.map(({ policy }) => policy), ['turns.isBackgroundsTurn', 'turns.isBackgroundsTurn'])
    }
  })

  it('that answer nothing where there is nothing to choose are right', () => {
    const stage = staged({ pieceOrders: { 'rarest-first': { choose: (choices) => choices.rarest() } } })
    assert.deepEqual(stage.downloads('cat', 2), [goesToSource('cat', 'no-parent')])
    assert.deepEqual(faults, [])
  })

  it('that choose a parent who was not offered do not get it', () => {
    const stranger = { id: 'ann' as PeerId } as ParentCandidate
    const stage = staged({ parentChoice: { choose: () => stranger as never } })
    for (const peer of ['ann', 'bob']) stage.has(peer, [0])
    assert.equal(stage.downloads('cat', 1).length, 1)
    assert.match(String(faults[0]?.error), /instead of one of the candidates/)
  })

  it('block nobody where a blocklist fails', () => {
    const fail = (): never => {
      throw new Error('oh')
    }
    const blocklist = {
      failed: fail, succeeded: fail, pairBlockedUntil: fail, blockedUntil: fail, blockedFor: fail, blockedForAll: fail,
      childrenWithBlocks: fail, expire: fail, nextExpiry: () => Number.NaN, entries: fail,
    }
    const stage = staged({ blocklist, uploadSlots: allSlots() })
    stage.has('ann', [0])
    assert.equal(stage.downloads('cat', 1).length, 1)
    stage.fails('cat', 0, 'ann', 'corrupt')
    assert.deepEqual(stage.wants('cat', 1), ['cat takes 0 from ann'])
    assert.deepEqual(stage.scheduler.snapshotBlocklist(), [])
    stage.gets('cat', 0, 'ann')
    assert.equal(stage.scheduler.nextTick(), undefined)
    for (const method of ['failed', 'expire', 'entries', 'nextExpiry']) assert.ok(faults.some(({ policy }) => policy === `blocklist.${method}`), method)
  })
})

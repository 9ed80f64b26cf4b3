import assert from 'node:assert/strict'
import { copyFile, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { FaultOrigin } from '@damselfly/cdn/testing'
import { MIN_PIECE_SIZE } from '@damselfly/shared'
import { digestOf, Lab, type Daemon, type Exit, type Supernode, until } from '@damselfly/test'

const PIECES = 24
const SIZE = PIECES * MIN_PIECE_SIZE

const SIMULATOR = join(import.meta.dirname, '../../scheduler/src/simulator/main.ts')
const EXAMPLE = join(import.meta.dirname, '../../docs/examples/policies/fast-neighbours.ts')

interface Explained {
  readonly type: string
  readonly child: string
  readonly piece?: number
  readonly parent?: string
  readonly basis?: string
  readonly outcome?: string | null
  readonly words: string
}

describe('decisions of a supernode', function () {
  this.timeout(120_000)
  let lab: Lab
  let origin: FaultOrigin
  let supernode: Supernode
  let daemons: Daemon[]
  let taskId: string
  let url: string

  const RECORDING = 'scheduler.jsonl'

  before(async () => {
    lab = await Lab.create()
    origin = await lab.faultOrigin()
    await copyFile(EXAMPLE, lab.path('own-policies.ts'))
    const scheduler = { policy: './own-policies.ts', record: { file: RECORDING } }
    supernode = await lab.supernode('supernode', { config: { scheduler } })
    daemons = await Promise.all(['one', 'two', 'three'].map((name) => lab.daemon(name, { supernodes: [supernode.address] })))
    url = origin.add('/file', { size: SIZE })
    const downloads = await Promise.all(daemons.map((daemon, i) => lab.download(url, lab.path(`out-${i}`), daemon).done()))
    taskId = downloads[0]?.taskId ?? ''
    const digests = await Promise.all(daemons.map((_, i) => digestOf(lab.path(`out-${i}`))))
    assert.equal(new Set(digests).size, 1)
  })

  after(() => lab.stop())

  const explain = async (...args: readonly string[]): Promise<Exit> => {
    const access = ['--management', supernode.url, '--token-file', join(supernode.dataDir, 'admin-token')]
    return lab.dfget(['explain', ...args, ...access]).exited
  }

  const decisions = async (...args: readonly string[]): Promise<readonly Explained[]> => {
    const { code, stdout, stderr } = await explain(taskId, '--json', ...args)
    assert.equal(code, 0, stderr)
    return stdout.split('\n').map((line) => JSON.parse(line) as Explained).filter(({ type }) => type !== 'task')
  }

  it('are explained by dfget: each piece of each peer, from whom and why', async () => {
    let all = await decisions()
    // What a child has downloaded last may be told a moment later.
    await until(async () => {
      all = await decisions()
      return daemons.every(({ peerId }) => arrived(all, peerId) === PIECES)
    })
    const fromCdn = all.filter(({ parent }) => parent === supernode.peerId)
    assert.ok(fromCdn.some(({ basis }) => basis === 'only-cdn'))
    assert.ok(fromCdn.every(({ basis, words }) => basis !== 'peer' && words.includes('from the CDN')))
    const fromPeers = all.filter(({ basis }) => basis === 'peer')
    assert.ok(fromPeers.every(({ parent }) => daemons.some(({ peerId }) => peerId === parent)))
  })

  it('answer why one piece came to one peer as it did', async () => {
    const peerId = daemons[1]?.peerId ?? ''
    const [, decision] = await decisions('--peer', peerId, '--piece', '17')
    assert.equal(decision?.piece, 17)
    const { code, stdout } = await explain(taskId, '--peer', peerId.slice(-12), '--piece', '17')
    assert.equal(code, 0)
    assert.match(stdout, /was assigned piece 17 .* after it began to download.*It was assigned from .* \(done after .*\)\./)
    assert.ok(stdout.includes(decision?.words ?? '-'))
  })

  it('are made in order for a reader of standard output, through the daemon', async () => {
    const other = origin.add('/stream', { size: SIZE, seed: 7 })
    const [first, second, third] = daemons as [Daemon, Daemon, Daemon]
    await Promise.all([first, second].map((daemon, i) => lab.download(other, lab.path(`stream-${i}`), daemon).done()))
    const { taskId: streamed } = await lab.download(other, lab.path('stream-0b'), first).done()
    const reader = lab.dfget([other, '-o', '-', '--socket', third.socket], { rawOutput: true })
    let received = 0
    for await (const bytes of reader.output) received += (bytes as Uint8Array).length
    assert.equal((await reader.exited).code, 0)
    assert.equal(received, SIZE)
    const { stdout } = await explain(streamed, '--json', '--peer', third.peerId)
    const all = stdout.split('\n').map((line) => JSON.parse(line) as Explained & { order?: string }).filter(({ type }) => type !== 'task')
    assert.deepEqual(new Set(all.map(({ order }) => order)), new Set(['in-order']))
    const pieces = all.flatMap(({ type, piece }) => (type === 'assigned' && piece !== undefined ? [piece] : []))
    // Both parents have every piece, so each assignment is the first that is left.
    assert.deepEqual(pieces.filter((piece, at) => pieces.indexOf(piece) === at), Array.from({ length: PIECES }, (_, piece) => piece))
  })

  it('are found by URL, for the token alone, of the tasks that there are', async () => {
    assert.match((await explain(url, '--piece', '0')).stdout, /Piece 0 to /)
    const unknown = await explain('0'.repeat(64))
    assert.deepEqual([unknown.code, /TASK_NOT_FOUND/.test(unknown.stderr)], [2, true])
    const stranger = await lab.dfget(['explain', taskId, '--management', supernode.url]).exited
    assert.deepEqual([stranger.code, /no token in .*--token-file/.test(stranger.stderr)], [2, true], stranger.stderr)
  })

  it('were made by the policies of the configuration, without a fault', async () => {
    assert.doesNotMatch(await supernode.get<string>('/metrics'), /^damselfly_policy_faults_total\{/m)
    const [header = ''] = (await readFile(join(supernode.dataDir, RECORDING), 'utf8')).split('\n', 1)
    assert.equal((JSON.parse(header) as { policy: string }).policy, './own-policies.ts')
  })

  it('replay to the same, also where peers were lost', async () => {
    const [first, second, third] = daemons as [Daemon, Daemon, Daemon]
    const other = origin.add('/another', { size: SIZE, seed: 2 })
    await lab.download(other, lab.path('another-0'), first).done()
    const interrupted = lab.download(other, lab.path('another-1'), second)
    await interrupted.reached(8 * MIN_PIECE_SIZE)
    first.program.kill('SIGKILL')
    await interrupted.done()
    await lab.download(other, lab.path('another-2'), third).done()
    assert.equal((await supernode.program.stop()).code, 0)

    const recording = join(supernode.dataDir, RECORDING)
    const simulate = (...args: readonly string[]): Promise<Exit> => {
      return lab.program('simulate', process.execPath, ['--conditions=development', SIMULATOR, ...args]).exited
    }
    const same = await simulate('--replay', recording, '--policy', EXAMPLE, '--explain', `3/${third.peerId}`)
    assert.equal(same.code, 0, same.stdout + same.stderr)
    assert.match(same.stdout, /\n\d+ events, \d+ commands: all as recorded$/)
    assert.match(same.stdout, /Piece 3 to /)
    const commands = Number(/(\d+) commands/.exec(same.stdout)?.[1])
    assert.ok(commands >= 5 * PIECES, same.stdout)
    const without = await simulate('--replay', recording)
    assert.deepEqual([without.code, /recorded with the policy \.\/own-policies\.ts/.test(without.stderr)], [2, true], without.stderr)
  })
})

/** How many pieces the child got by what was assigned. */
function arrived(decisions: readonly Explained[], peerId: string): number {
  const its = decisions.filter(({ type, child, outcome }) => type === 'assigned' && child === peerId && (outcome === 'done' || outcome === 'overtaken'))
  return new Set(its.map(({ piece }) => piece)).size
}

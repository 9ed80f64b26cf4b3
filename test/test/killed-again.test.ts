import assert from 'node:assert/strict'
import { createHash, randomInt } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { generatedContent, type FaultOrigin } from '@damselfly/cdn/testing'
import { MIN_PIECE_SIZE } from '@damselfly/shared'
import { digestOf, Lab, until, type Daemon, type Supernode } from '@damselfly/test'

const MIB = 1024 ** 2
/** Of each content. */
const SIZE = 20 * MIB
const AT_ONCE = 3

const KILLS = process.env['DAMSELFLY_TEST_SLOW'] === undefined ? 10 : 100
const SEED = Number(process.env['DAMSELFLY_TEST_SEED'] ?? randomInt(2 ** 31))

/** One content of the origin, and what the supernode has done about it. */
interface Watched {
  readonly path: string
  readonly seed: number
  readonly url: string
  /** Verified when the supernode was last seen alive; bytes. */
  held: number
  /** Requests up to then. */
  requests: number
}

interface TaskOfList {
  readonly url: string
  readonly cdnPieces: number
}

describe('a supernode that is killed again and again in the middle of fetches', function () {
  this.timeout(180_000 + KILLS * 6_000)
  let lab: Lab
  let origin: FaultOrigin
  let supernode: Supernode
  let daemon: Daemon
  const contents: Watched[] = []
  let preheat = ''
  let draws = 0

  before(async () => {
    lab = await Lab.create()
    origin = await lab.faultOrigin()
    supernode = await lab.supernode()
    daemon = await lab.daemon('daemon', { supernodes: [supernode.address] })
  })

  after(() => lab.stop())

  /** From 0 to below 1, by the seed. */
  function random(): number {
    return createHash('sha256').update(`${SEED} ${draws++}`).digest().readUInt32BE() / 2 ** 32
  }

  /** Asks for further contents, which are slow enough to be met in the middle. */
  async function askForMore(): Promise<void> {
    const more = Array.from({ length: AT_ONCE }, (_, i): Watched => {
      const seed = contents.length + i + 1
      const url = origin.add(`/content-${seed}`, { size: SIZE, seed, trickle: { bytes: 64 * 1024, everyMs: 6 } })
      return { path: `/content-${seed}`, seed, url, held: 0, requests: 0 }
    })
    contents.push(...more)
    preheat = (await supernode.send<{ id: string }>('POST', '/api/v1/preheats', { urls: more.map(({ url }) => url), scope: 'all' })).id
  }

  async function isUnderWay(): Promise<boolean> {
    if (preheat === '') return false
    const { contents: state } = await supernode.get<{ contents: { total: number; held: number } }>(`/api/v1/preheats/${preheat}`)
    return state.held < state.total
  }

  /** What it would have to fetch no more if it died now. */
  async function look(): Promise<void> {
    const { tasks } = await supernode.get<{ tasks: readonly TaskOfList[] }>('/api/v1/tasks?limit=1000')
    for (const content of contents) {
      const cdnPieces = tasks.find(({ url }) => url === content.url)?.cdnPieces ?? 0
      content.held = Math.max(content.held, Math.min(SIZE, cdnPieces * MIN_PIECE_SIZE))
    }
  }

  /** @throws when it was asked in this run for what was verified before it */
  function checkRequests(kill: number): void {
    for (const content of contents) {
      const { ranges } = origin.stats(content.path)
      const asked = ranges.slice(content.requests)
      const bytes = asked.reduce((sum, range) => sum + lengthOf(range), 0)
      const missing = SIZE - content.held
      assert.ok(bytes <= missing, `kill ${kill}, seed ${SEED}: ${asked.join(' and ')} of ${content.path}, of which only ${missing} bytes were missing`)
      content.requests = ranges.length
    }
  }

  async function killWhileItStarts(): Promise<void> {
    const program = lab.own('supernode', ['--config', lab.path('supernode.yaml')])
    await wait(random() * 700)
    program.kill('SIGKILL')
    await program.exited
  }

  it(`fetches nothing again that was verified, and serves nothing wrong, after ${KILLS} times (seed ${SEED})`, async () => {
    let early = 0
    for (let kill = 0; kill < KILLS; kill++) {
      if (!(await isUnderWay())) await askForMore()
      await wait(random() * 1200)
      // What the run before had verified is known still; the requests of this run are judged by it.
      checkRequests(kill)
      await look()
      supernode.program.kill('SIGKILL')
      await supernode.program.exited
      // Between the look and the end it may have asked for what came next.
      for (const content of contents) content.requests = origin.stats(content.path).gets
      if (random() < 0.25) {
        early++
        await killWhileItStarts()
        checkRequests(kill)
      }
      supernode = await lab.supernode()
    }
    await until(async () => (await supernode.get<{ state: string }>(`/api/v1/preheats/${preheat}`)).state === 'done')
    checkRequests(KILLS)
    const sent = contents.reduce((sum, { path }) => sum + origin.stats(path).bodyBytes, 0)
    process.stdout.write(`      ${KILLS} kills and ${early} at the start: the origin sent ${(sent / (contents.length * SIZE)).toFixed(3)} times the ${contents.length} contents\n`)
    for (const { url, seed } of contents) await isServedRight(url, seed)
  })

  /** By the supernode to somebody new, and by the daemon that was there all the time. */
  async function isServedRight(url: string, seed: number): Promise<void> {
    const digest = createHash('sha256').update(generatedContent(SIZE, seed)).digest('hex')
    const embedded = ['--supernode', supernode.address, '--data-dir', lab.path(`data-${seed}`)]
    for (const [name, way] of Object.entries({ new: embedded, old: ['--socket', daemon.socket] })) {
      const output = lab.path(`${name}-${seed}`)
      const exit = await lab.dfget([url, '-o', output, '--no-back-to-source', ...way]).exited
      assert.equal(exit.code, 0, `seed ${SEED}: ${exit.stderr}`)
      assert.equal(await digestOf(output), digest, `seed ${SEED}`)
    }
  }
})

/** Bytes that a Range header asks for. */
function lengthOf(range: string): number {
  const [, start = '0', end] = /^bytes=(\d+)-(\d*)$/.exec(range) ?? []
  return (end === undefined || end === '' ? SIZE : Math.min(SIZE, Number(end) + 1)) - Number(start)
}

import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDamselflyError, VirtualClock, type PeerId, type TaskId } from '@damselfly/shared'
import { silentLogger, type Logger } from '@damselfly/shared/logging'
import { createRegistry } from '@damselfly/shared/metrics'
import { createScheduler, type PolicySet, type SchedulerEvent } from '@damselfly/scheduler'
import { replayTrace, seededRandom } from '@damselfly/scheduler/trace'
import { schedulerConfigSchema } from '../src/config/scheduler-config.ts'
import { assembleScheduler, type AssembledScheduler } from '../src/scheduling/scheduler-assembly.ts'

const TASK = 'task' as TaskId

interface Line {
  readonly level: 'warn' | 'error'
  readonly about: Record<string, unknown>
  readonly message: string
}

describe("the supernode's scheduler", () => {
  let directory: string
  let clock: VirtualClock
  let lines: Line[]

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'damselfly-scheduling-'))
    clock = new VirtualClock()
    lines = []
  })
  afterEach(() => rm(directory, { recursive: true }))

  const assemble = (settings: object, policies?: PolicySet): Promise<AssembledScheduler> => {
    const logger: Logger = silentLogger()
    const note = (level: Line['level']) => (about: Record<string, unknown>, message: string) => void lines.push({ level, about, message })
    Object.assign(logger, { warn: note('warn'), error: note('error') })
    return assembleScheduler({ settings: schedulerConfigSchema.parse(settings), dataDir: directory, policies, clock, logger })
  }

  const capacity = { uploadSlots: 3, location: { location: '', zone: '', rack: '' }, isCdn: false, lanes: ['direct'] as const }

  /** A peer that has everything joins. */
  const offer = ({ scheduler }: AssembledScheduler, peer: PeerId): void => {
    scheduler.handle({ type: 'peer-joined', peer, capacity }, clock.now())
    scheduler.handle({ type: 'pieces-available', task: TASK, peer, pieces: Array.from({ length: 20 }, (_, piece) => piece) }, clock.now())
  }

  /** Two parents with all the pieces, and children that take them. */
  const play = (assembled: AssembledScheduler, children = 5): void => {
    const { scheduler } = assembled
    const tell = (event: SchedulerEvent): void => void scheduler.handle(event, clock.now())
    const ids = Array.from({ length: children }, (_, index) => `child-${index}` as PeerId)
    tell({ type: 'task-registered', task: TASK, pieceCount: 20, pieceSize: 1 })
    for (const peer of ['ann' as PeerId, 'bob' as PeerId]) offer(assembled, peer)
    for (const peer of ids) {
      tell({ type: 'peer-joined', peer, capacity })
      tell({ type: 'child-joined', task: TASK, peer, order: 'rarest-first' })
      tell({ type: 'pieces-wanted', task: TASK, peer, count: 3 })
      clock.advance(0.37)
    }
  }

  const linesOf = async (path: string): Promise<string[]> => (await readFile(path, 'utf8')).trimEnd().split('\n')

  it('records all that it is told and answers, to be replayed, and keeps the recording before', async () => {
    const path = join(directory, 'run.jsonl')
    await writeFile(path, 'an earlier one')
    const assembled = await assemble({ record: { file: 'run.jsonl' } })
    play(assembled)
    await assembled.stop()
    const { mode } = await stat(path)
    assert.equal(mode & 0o777, 0o600)
    assert.equal(await readFile(`${path}.old`, 'utf8'), 'an earlier one')
    const replay = await replayTrace(await linesOf(path), ({ seed }) => createScheduler({ random: seededRandom(seed) }))
    assert.equal(replay.difference, undefined)
    assert.ok(replay.commands >= 3)
  })

  it('records no more than it may, in whole lines', async () => {
    const assembled = await assemble({ record: { file: 'run.jsonl', limit: 3000 } })
    play(assembled, 100)
    await assembled.stop()
    const text = await readFile(join(directory, 'run.jsonl'), 'utf8')
    assert.ok(text.length <= 3000 && text.endsWith('\n'))
    await replayTrace(text.trimEnd().split('\n'), ({ seed }) => createScheduler({ random: seededRandom(seed) }))
    assert.deepEqual(lines.map(({ level, message }) => [level, message]), [['warn', 'the recording of the scheduler ends: it has the size that it may have']])
  })

  it('does not start without the recording that was asked for', async () => {
    const refused = assemble({ record: { file: join(directory, 'no', 'such', 'folder') } })
    await assert.rejects(refused, (error) => isDamselflyError(error, 'DISK_FAILED'))
  })

  it('keeps decisions unless told not to', async () => {
    const assembled = await assemble({})
    play(assembled)
    assert.ok((assembled.decisions?.query(TASK, { limit: 100 }).decisions.length ?? 0) > 5)
    assert.equal((await assemble({ decisions: { perTask: 0 } })).decisions, undefined)
    assert.equal((await assemble({ decisions: { total: 0 } })).decisions, undefined)
  })

  it('goes on with the default where a policy fails, counts it, and says so once a minute', async () => {
    const fail = (): never => {
      throw new Error('no idea')
    }
    const assembled = await assemble({}, { pieceOrders: { 'rarest-first': { choose: fail } }, parentChoice: { choose: fail } })
    play(assembled)
    assert.ok(assembled.scheduler.stats().inFlight >= 1)
    const policies = lines.map(({ about }) => about['policy'])
    assert.deepEqual(policies, ['pieceOrders.rarest-first.choose', 'parentChoice.choose'])
    assert.deepEqual(lines[0]?.about, { policy: 'pieceOrders.rarest-first.choose', faults: 1, error: 'no idea' })

    clock.advance(60_000)
    offer(assembled, 'cid' as PeerId)
    const [, , again] = lines
    assert.ok(Number(again?.about['faults']) > 1)
    const registry = createRegistry()
    assembled.policyFaults.expose(registry)
    assert.match(await registry.metrics(), /^damselfly_policy_faults_total\{policy="parentChoice\.choose"\} [1-9]/m)
  })
})

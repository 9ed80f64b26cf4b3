import assert from 'node:assert/strict'
import type { DaemonClient } from '@damselfly/dfdaemon/client'
import { DamselflyError, isDamselflyError, type TaskId } from '@damselfly/shared'
import { HELD_ACTIONS, readHeldCommand, type HeldAction, type HeldJob } from '../src/held/command.ts'
import { actOnHeld } from '../src/held/held.ts'
import { runHeld } from '../src/held/run-held.ts'
import { parseArguments } from '../src/options.ts'
import { useTempDir } from './temp-dir.ts'

const FIRST = 'abcd1'.padEnd(64, '0')
const SECOND = 'abcd2'.padEnd(64, '0')

function jobOf(action: HeldAction, ...args: readonly string[]): HeldJob {
  const given = readHeldCommand(action, args)
  return 'printed' in given ? assert.fail(given.printed) : given
}

describe('the command lines for what the daemon holds', () => {
  it('tell what is to be done with what', async () => {
    const given = await parseArguments(['pin', FIRST, SECOND, '--socket', 's', '--json'], '1')
    assert.deepEqual(given, { type: 'held', job: { action: 'pin', tasks: [FIRST, SECOND], json: true, configFile: undefined, socket: 's' } })
    assert.deepEqual(jobOf('list').tasks, [])
  })

  it('show help, and are refused with USAGE when they make no sense', async () => {
    for (const action of HELD_ACTIONS) {
      const help = await parseArguments([action, '--help'], '1')
      assert.ok(help.type === 'print' && help.text.includes(`dfget ${action}`))
      const senseless = [...(action === 'list' ? [] : [[]]), ['--nonsense']]
      for (const args of senseless) await assert.rejects(parseArguments([action, ...args], '1'), (error) => isDamselflyError(error, 'USAGE'))
    }
  })
})

describe('what the daemon of this host holds', () => {
  const directory = useTempDir()
  let done: string[]
  let lines: string[]

  beforeEach(() => {
    done = []
    lines = []
  })

  it('is shown, what was used last first', async () => {
    await act('list')
    assert.deepEqual(lines, [
      `${SECOND.slice(0, 12)}  2.00 MiB of 4.00 MiB, partial, used 2026-02-01T00:00:00Z  https://a.example/2`,
      `${FIRST.slice(0, 12)}  1.00 MiB, complete, pinned, used 2026-01-01T00:00:00Z  https://a.example/1`,
    ])
    lines = []
    await act('list', 'abcd1', '--json')
    assert.deepEqual(lines.map((line) => (JSON.parse(line) as { taskId: string }).taskId), [FIRST])
  })

  it('is pinned, unpinned and evicted by the beginning of its id', async () => {
    await act('pin', 'abcd2')
    await act('unpin', FIRST, SECOND)
    await act('evict', 'abcd2')
    assert.deepEqual(done, [`pin ${SECOND}`, `unpin ${FIRST}`, `unpin ${SECOND}`, `evict ${SECOND}`])
    assert.equal(lines.at(-1), `evicted ${SECOND.slice(0, 12)} https://a.example/2`)
  })

  it('is not touched where it is not clear what is meant', async () => {
    await assert.rejects(act('evict', 'abcd'), { code: 'USAGE' })
    await assert.rejects(act('evict', 'ffff'), { code: 'TASK_NOT_FOUND' })
    await assert.rejects(act('evict', 'abc'), { code: 'TASK_NOT_FOUND' })
    await assert.rejects(act('evict', SECOND, 'ffff'), { code: 'TASK_NOT_FOUND' })
    assert.deepEqual(done, [])
  })

  it('stays when the daemon says so', async () => {
    await assert.rejects(act('evict', FIRST), { code: 'TASK_PINNED' })
    assert.deepEqual(lines, [])
  })

  it('cannot be asked for where no daemon runs', async () => {
    const job = jobOf('list', '--socket', `${directory.path}/none.sock`)
    await assert.rejects(runHeld(job, { HOME: directory.path }, assert.fail), { code: 'DAEMON_UNREACHABLE' })
  })

  function act(action: HeldAction, ...args: readonly string[]): Promise<void> {
    return actOnHeld(jobOf(action, ...args), daemon(), (line) => lines.push(line))
  }

  function daemon(): DaemonClient {
    const common = { tag: '', application: '', createdAt: '2025-01-01T00:00:00.000Z' }
    const MIB = 1024 * 1024
    return {
      tasks: async () => [
        { ...common, taskId: FIRST, url: 'https://a.example/1', state: 'complete', contentLength: MIB, verifiedBytes: MIB, pinned: true, lastUsedAt: '2026-01-01T00:00:00.000Z' },
        { ...common, taskId: SECOND, url: 'https://a.example/2', state: 'partial', contentLength: 4 * MIB, verifiedBytes: 2 * MIB, pinned: false, lastUsedAt: '2026-02-01T00:00:00.000Z' },
      ],
      deleteTask: async (taskId) => {
        if ((taskId as string) === FIRST) throw new DamselflyError('TASK_PINNED', 'it is pinned')
        done.push(`evict ${taskId}`)
      },
      pinTask: async (taskId: TaskId, isPinned: boolean) => void done.push(`${isPinned ? 'pin' : 'unpin'} ${taskId}`),
      status: assert.fail,
      download: () => assert.fail('nothing is to be downloaded'),
      close: () => undefined,
    }
  }
})

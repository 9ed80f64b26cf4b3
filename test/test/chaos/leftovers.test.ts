import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { excessOf, holdingsOfProcess, strayFiles, type Holdings } from '../../src/chaos/leftovers.ts'

/** Grows by what each line names, and says when it has. */
const GROWING = `
  const { openSync, unlinkSync } = require('node:fs'), { connect, createServer } = require('node:net')
  const kept = []
  const server = createServer((socket) => kept.push(socket)).listen(0, '127.0.0.1', () => console.log('there'))
  const grow = {
    memory: async () => kept.push(Buffer.alloc(64 * 1024 ** 2, 1)),
    files: async () => { for (let i = 0; i < 70; i++) kept.push(openSync('/dev/null')) },
    contents: async () => { for (let i = 0; i < 70; i++) kept.push(openSync(process.argv[1], 'w')) },
    deleted: async () => unlinkSync(process.argv[1]),
    sockets: async () => {
      for (let i = 0; i < 30; i++) await new Promise((done) => kept.push(connect(server.address().port, '127.0.0.1', done)))
    },
  }
  process.stdin.on('data', (what) => grow[String(what)]().then(() => console.log('grown')))
`

/** MiB. */
const MOST_MEMORY = 400

describe('what programs keep in chaos', () => {
  let child: ChildProcess | undefined

  afterEach(() => void child?.kill('SIGKILL'))

  async function said(): Promise<void> {
    await once(child?.stdout ?? assert.fail(), 'data')
  }

  async function grow(what: 'memory' | 'files' | 'sockets' | 'contents' | 'deleted'): Promise<Holdings> {
    child?.stdin?.write(what)
    await said()
    return holdingsOfProcess(child?.pid ?? 0)
  }

  it('is seen of a process that grows: its memory, its files and its sockets', async () => {
    child = spawn(process.execPath, ['-e', GROWING], { stdio: ['pipe', 'pipe', 'inherit'] })
    await said()
    const first = await holdingsOfProcess(child.pid ?? 0)
    const before = new Map([['peer-1', first]])
    const judge = (after: Holdings): string => excessOf(before, new Map([['peer-1', after]]), 2).join('; ')
    assert.equal(judge(first), '')
    const fed = await grow('memory')
    assert.ok(fed.memory > first.memory + 48, `${first.memory} MiB became ${fed.memory} MiB`)
    assert.match(judge({ ...fed, memory: fed.memory + MOST_MEMORY - first.memory }), /^peer-1 has \d+ MiB of memory$/)
    assert.match(judge(await grow('files')), /^peer-1 has \d+ open files, \d+ at first$/)
    assert.match(judge(await grow('sockets')), /peer-1 has \d+ sockets, \d+ at first$/)
  })

  it('is no content that is on its disk and kept open, but one that was deleted', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'damselfly-leftovers-'))
    try {
      child = spawn(process.execPath, ['-e', GROWING, join(directory, 'ab'.repeat(32))], { stdio: ['pipe', 'pipe', 'inherit'] })
      await said()
      const first = await holdingsOfProcess(child.pid ?? 0)
      assert.equal((await grow('contents')).openFiles, first.openFiles)
      assert.equal((await grow('deleted')).openFiles, first.openFiles + 70)
    } finally {
      await rm(directory, { recursive: true })
    }
  })

  it('is seen on its disk: a content that it does not know of', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'damselfly-leftovers-'))
    try {
      const [known, stray] = ['ab'.repeat(32), 'cd'.repeat(32)]
      await mkdir(join(dataDir, 'tasks'))
      const runningNow = { call: async () => ({ tasks: [{ taskId: known }] }) }
      const peers = new Map([['peer-1', { name: 'peer-1', dataDir, runningNow } as never]])
      await writeFile(join(dataDir, 'tasks', known), 'known')
      assert.deepEqual(await strayFiles({ peers }), [])
      await writeFile(join(dataDir, 'tasks', stray), 'stray')
      assert.match((await strayFiles({ peers })).join(), /^peer-1 has .*(?:cd){32} and does not know of it$/)
    } finally {
      await rm(dataDir, { recursive: true })
    }
  })
})

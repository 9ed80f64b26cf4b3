import assert from 'node:assert/strict'
import { chmod, chown, lstat, mkdir, readdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { FaultOrigin } from '@damselfly/cdn/testing'
import { Lab, type Daemon, type Exit } from '@damselfly/test'

const NOBODY = 65_534
const AS_NOBODY = ['setpriv', `--reuid=${NOBODY}`, '--clear-groups']
/** Of curl. */
const NO_CONNECTION = 7

describe('another user of the same machine', function () {
  this.timeout(120_000)
  let lab: Lab
  let origin: FaultOrigin
  let daemon: Daemon

  before(async function () {
    if (process.geteuid?.() !== 0) this.skip()
    lab = await Lab.create()
    // What is refused is to be refused by what the programs make, not by where this test put it.
    await chmod(lab.directory, 0o711)
    origin = await lab.faultOrigin()
    daemon = await lab.daemon('peer')
  })
  after(() => lab?.stop())

  const ask = async (gid: number, path: string): Promise<Exit> => {
    const args = ['-sS', '--max-time', '20', '--unix-socket', daemon.socket, `http://dfdaemon${path}`]
    return await lab.program('curl', 'curl', args, { enter: [...AS_NOBODY, `--regid=${gid}`] }).exited
  }

  it('cannot use the local API, unless in its group', async () => {
    const stranger = await ask(NOBODY, '/api/v1/status')
    assert.equal(stranger.code, NO_CONNECTION, stranger.stdout)
    const member = await ask(process.getegid?.() ?? 0, '/api/v1/status')
    assert.equal(member.code, 0, member.stderr)
    assert.equal((await lstat(daemon.socket)).mode & 0o777, 0o660)
  })

  it('in its group cannot read what somebody else downloads, nor leave the paths of tasks', async () => {
    const group = process.getegid?.() ?? 0
    const url = origin.add('/file', { size: 300_000 })
    const done = await lab.download(url, lab.path('out'), daemon).done()
    const content = await ask(group, `/api/v1/tasks/${done.taskId}/content`)
    assert.match(content.stdout, /"code":"TASK_NOT_FOUND"/)
    for (const path of ['/api/v1/tasks/..%2f..%2fidentity.key', `/api/v1/tasks/${'.'.repeat(64)}`, '/api/v1/tasks/%00/content']) {
      assert.match((await ask(group, path)).stdout, /"code":"(?:USAGE|TASK_NOT_FOUND)"/, path)
    }
  })

  it('can read nothing that the daemon and the supernode keep', async () => {
    const supernode = await lab.supernode()
    for (const directory of [daemon.dataDir, supernode.dataDir]) {
      assert.equal((await lstat(directory)).mode & 0o777, 0o700)
      // A directory that only its owner may enter keeps all below it; files show that nobody relies on that alone.
      for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
        const path = join(entry.parentPath, entry.name)
        const isLevelDb = path.includes('/index/')
        if (!isLevelDb && !entry.isSymbolicLink()) assert.equal((await lstat(path)).mode & 0o077, 0, path)
      }
    }
  })

  it('cannot prepare the place where a program puts its data or its socket', async () => {
    const theirs = lab.path('theirs')
    await mkdir(theirs)
    await symlink('/etc', join(theirs, 'store'))
    await chown(theirs, NOBODY, NOBODY)
    const open = lab.path('open')
    await mkdir(open)
    await chmod(open, 0o777)
    for (const directory of [theirs, open]) {
      for (const args of [['--data-dir', directory, '--socket', lab.path('a.sock')], ['--data-dir', lab.path('mine'), '--socket', join(directory, 'a.sock')]]) {
        const exit = await lab.own('dfdaemon', args).exited
        assert.match(exit.stderr, /DISK_DENIED/, args.join(' '))
      }
    }
    await writeFile(lab.path('squatted.sock'), '')
    const squatted = await lab.own('dfdaemon', ['--data-dir', lab.path('mine'), '--socket', lab.path('squatted.sock')]).exited
    assert.match(squatted.stderr, /ADDRESS_IN_USE/)
  })
})

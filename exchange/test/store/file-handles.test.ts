import assert from 'node:assert/strict'
import { fstatSync, openSync, readSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { systemClock } from '@damselfly/shared'
import { silentLogger } from '@damselfly/shared/logging'
import { DiskPace } from '../../src/store/disk-pace.ts'
import { FileHandles } from '../../src/store/file-handles.ts'

describe('shared file handles', () => {
  let directory: string
  let handles: FileHandles

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'damselfly-handles-'))
    for (const name of ['a', 'b', 'c']) await writeFile(pathOf(name), name)
    handles = new FileHandles(new DiskPace(systemClock), silentLogger(), 2)
  })

  afterEach(async () => {
    await handles.closeAll()
    await rm(directory, { recursive: true })
  })

  it('are opened once for everybody', async () => {
    const used = await Promise.all([1, 2, 3].map(() => handles.use(pathOf('a'), async (descriptor) => descriptor)))
    assert.equal(new Set(used).size, 1)
  })

  it('are closed when too many are open, the least recently used first', async () => {
    const [a, b] = [await descriptorOf('a'), await descriptorOf('b')]
    const { ino } = fstatSync(b)
    await descriptorOf('a')
    await descriptorOf('c')
    assert.equal(handles.openDescriptor(pathOf('a')), a)
    assert.equal(handles.openDescriptor(pathOf('b')), undefined)
    while (isOpen(b, ino)) await nextTurn()
  })

  it('are taken over from whoever made the file', async () => {
    const made = openSync(pathOf('new'), 'wx+')
    handles.adopt(pathOf('new'), made)
    assert.equal(handles.openDescriptor(pathOf('new')), made)
    assert.equal(await descriptorOf('new'), made)
  })

  it('of a file that is made anew are those of the new one', async () => {
    const old = await descriptorOf('a')
    const { ino } = fstatSync(old)
    await rm(pathOf('a'))
    const made = openSync(pathOf('a'), 'wx+')
    handles.adopt(pathOf('a'), made)
    assert.equal(await descriptorOf('a'), made)
    while (isOpen(old, ino)) await nextTurn()
  })

  it('are not closed while they are in use', async () => {
    await handles.use(pathOf('a'), async (descriptor) => {
      await descriptorOf('b')
      await descriptorOf('c')
      assert.equal(contentOf(descriptor), 'a')
    })
  })

  it('are closed only after the last use', async () => {
    const { promise: mayEnd, resolve: end } = Promise.withResolvers<void>()
    const using = handles.use(pathOf('a'), async (descriptor) => {
      await mayEnd
      return contentOf(descriptor)
    })
    const closing = handles.close(pathOf('a'))
    end()
    assert.equal(await using, 'a')
    await closing
  })

  it('of a file that cannot be opened are tried anew', async () => {
    await rm(pathOf('a'))
    await assert.rejects(descriptorOf('a'), { code: 'DISK_FAILED' })
    await writeFile(pathOf('a'), 'again')
    assert.equal(await handles.use(pathOf('a'), async (descriptor) => contentOf(descriptor)), 'again')
  })

  function pathOf(name: string): string {
    return join(directory, name)
  }

  function descriptorOf(name: string): Promise<number> {
    return handles.use(pathOf(name), async (descriptor) => descriptor)
  }
})

function contentOf(descriptor: number): string {
  const bytes = Buffer.alloc(16)
  return bytes.toString('utf8', 0, readSync(descriptor, bytes, 0, 16, 0))
}

/** Whether the descriptor is still that of the file; its number may be given to another one. */
function isOpen(descriptor: number, ino: number): boolean {
  try {
    return fstatSync(descriptor).ino === ino
  } catch {
    return false
  }
}

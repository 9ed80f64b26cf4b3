import assert from 'node:assert/strict'
import type { FileHandle } from 'node:fs/promises'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { silentLogger } from '@damselfly/shared/logging'
import { FileHandles } from '../../src/store/file-handles.ts'

describe('shared file handles', () => {
  let directory: string
  let handles: FileHandles

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'damselfly-handles-'))
    for (const name of ['a', 'b', 'c']) await writeFile(pathOf(name), name)
    handles = new FileHandles(silentLogger(), 2)
  })

  afterEach(async () => {
    await handles.closeAll()
    await rm(directory, { recursive: true })
  })

  it('are opened once for everybody', async () => {
    const used = await Promise.all([1, 2, 3].map(() => handles.use(pathOf('a'), async (handle) => handle.fd)))
    assert.equal(new Set(used).size, 1)
  })

  it('are closed when too many are open, the least recently used first', async () => {
    const [a, b] = [await handleOf('a'), await handleOf('b')]
    await handleOf('a')
    await handleOf('c')
    assert.equal(b.fd, -1)
    assert.notEqual(a.fd, -1)
  })

  it('are not closed while they are in use', async () => {
    await handles.use(pathOf('a'), async (handle) => {
      await handleOf('b')
      await handleOf('c')
      assert.equal(await contentOf(handle), 'a')
    })
  })

  it('are closed only after the last use', async () => {
    const { promise: mayEnd, resolve: end } = Promise.withResolvers<void>()
    const using = handles.use(pathOf('a'), async (handle) => {
      await mayEnd
      return await contentOf(handle)
    })
    const closing = handles.close(pathOf('a'))
    end()
    assert.equal(await using, 'a')
    await closing
  })

  it('of a file that cannot be opened are tried anew', async () => {
    await rm(pathOf('a'))
    await assert.rejects(handleOf('a'), { code: 'DISK_FAILED' })
    await writeFile(pathOf('a'), 'again')
    assert.equal(await handles.use(pathOf('a'), contentOf), 'again')
  })

  function pathOf(name: string): string {
    return join(directory, name)
  }

  function handleOf(name: string): Promise<FileHandle> {
    return handles.use(pathOf(name), async (handle) => handle)
  }
})

async function contentOf(handle: FileHandle): Promise<string> {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(16), 0, 16, 0)
  return buffer.toString('utf8', 0, bytesRead)
}

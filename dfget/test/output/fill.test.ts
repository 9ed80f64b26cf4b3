import assert from 'node:assert/strict'
import { chmod, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { fillByStream, fillFromStore } from '../../src/output/fill.ts'
import { useTempDir } from '../temp-dir.ts'

const LARGE = Buffer.alloc(1024 * 1024 + 1, 7)
const never = new AbortController().signal

describe('filling an output', () => {
  const directory = useTempDir()

  it('from the store shares the content of an own file instead of copying it', async () => {
    const [source, part] = [directory.file('source'), directory.file('part')]
    await writeFile(source, LARGE, { mode: 0o600 })
    assert.equal(await fillFromStore(source, part, 0o644), true)
    assert.ok(LARGE.equals(await readFile(part)))
    const [{ ino, nlink }, original] = [await stat(part), await stat(source)]
    // A reflink has an inode of its own; a hard link is the same one.
    assert.ok(ino !== original.ino || nlink === 2)
  })

  it('from the store copies what is small', async () => {
    const [source, part] = [directory.file('source'), directory.file('part')]
    await writeFile(source, 'content', { mode: 0o600 })
    assert.equal(await fillFromStore(source, part, 0o644), true)
    assert.equal(await readFile(part, 'utf8'), 'content')
    assert.notEqual((await stat(part)).ino, (await stat(source)).ino)
  })

  it('from the store copies for an output that its owner may not write', async () => {
    const [source, part] = [directory.file('source'), directory.file('part')]
    await writeFile(source, LARGE, { mode: 0o600 })
    assert.equal(await fillFromStore(source, part, 0o444), true)
    assert.notEqual((await stat(part)).ino, (await stat(source)).ino)
  })

  it('from the store copies to another file system', async function () {
    const isOther = await stat('/dev/shm').then(async ({ dev }) => dev !== (await stat(directory.path)).dev, () => false)
    if (!isOther) return this.skip()
    const source = `/dev/shm/damselfly-fill-${process.pid}`
    await writeFile(source, LARGE)
    try {
      assert.equal(await fillFromStore(source, directory.file('part'), 0o644), true)
    } finally {
      await rm(source)
    }
    assert.ok(LARGE.equals(await readFile(directory.file('part'))))
  })

  it('from the store says when the source cannot be read', async function () {
    assert.equal(await fillFromStore(directory.file('missing'), directory.file('part'), 0o644), false)
    if (process.geteuid?.() === 0) return
    await writeFile(directory.file('closed'), '')
    await chmod(directory.file('closed'), 0)
    assert.equal(await fillFromStore(directory.file('closed'), directory.file('part'), 0o444), false)
  })

  it('from the store never writes over something', async () => {
    await writeFile(directory.file('source'), 'content')
    await writeFile(directory.file('part'), 'precious')
    await assert.rejects(fillFromStore(directory.file('source'), directory.file('part'), 0o644), { code: 'EEXIST' })
  })

  it('by stream writes what comes, with the mode that is asked for', async () => {
    const part = directory.file('part')
    async function* content(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('con')
      yield Buffer.from('tent')
    }
    await fillByStream(content(), part, 0o600, never)
    assert.equal(await readFile(part, 'utf8'), 'content')
    assert.equal((await stat(part)).mode & 0o777, 0o600)
  })
})

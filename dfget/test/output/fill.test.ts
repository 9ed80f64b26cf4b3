import assert from 'node:assert/strict'
import { chmod, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { fillByCopy, fillByLink, fillByStream } from '../../src/output/fill.ts'
import { useTempDir } from '../temp-dir.ts'

const never = new AbortController().signal

describe('filling an output', () => {
  const directory = useTempDir()

  it('by link gives away the very file', async () => {
    const [source, part] = [directory.file('source'), directory.file('part')]
    await writeFile(source, 'content', { mode: 0o600 })
    await fillByLink(source, part)
    assert.equal((await stat(part)).ino, (await stat(source)).ino)
  })

  it('by link copies from another file system', async function () {
    const isOther = await stat('/dev/shm').then(async ({ dev }) => dev !== (await stat(directory.path)).dev, () => false)
    if (!isOther) return this.skip()
    const source = `/dev/shm/damselfly-fill-${process.pid}`
    await writeFile(source, 'content')
    try {
      await fillByLink(source, directory.file('part'))
    } finally {
      await rm(source)
    }
    assert.equal(await readFile(directory.file('part'), 'utf8'), 'content')
  })

  it('by copy leaves the source on its own: later edits of the output do not reach it', async () => {
    const [source, part] = [directory.file('source'), directory.file('part')]
    await writeFile(source, 'content')
    assert.equal(await fillByCopy(source, part), true)
    await writeFile(part, 'edited')
    assert.equal(await readFile(source, 'utf8'), 'content')
  })

  it('by copy says when the source cannot be read', async function () {
    assert.equal(await fillByCopy(directory.file('missing'), directory.file('part')), false)
    if (process.geteuid?.() === 0) return
    await writeFile(directory.file('closed'), '')
    await chmod(directory.file('closed'), 0)
    assert.equal(await fillByCopy(directory.file('closed'), directory.file('part')), false)
  })

  it('by copy never writes over something', async () => {
    await writeFile(directory.file('source'), 'content')
    await writeFile(directory.file('part'), 'precious')
    await assert.rejects(fillByCopy(directory.file('source'), directory.file('part')), { code: 'EEXIST' })
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

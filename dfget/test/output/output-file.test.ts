import assert from 'node:assert/strict'
import { chmod, lstat, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { DamselflyError, isDamselflyError } from '@damselfly/shared'
import { prepareOutput, type OutputFile } from '../../src/output/output-file.ts'
import { useTempDir } from '../temp-dir.ts'

const never = new AbortController().signal

describe('an output file', () => {
  const directory = useTempDir()

  const prepare = async (path: string): Promise<OutputFile> => {
    const file = await prepareOutput(path)
    return file ?? assert.fail('not a regular file')
  }

  it('appears only when it is whole, with the mode of a new file', async () => {
    const path = directory.file('out')
    const file = await prepare(path)
    assert.deepEqual(await readdir(directory.path), [])
    await file.replace(async (part) => {
      await writeFile(part, 'whole', { mode: 0o600 })
      assert.match(basename(part), /^\.out\.[0-9a-f]{12}\.part$/)
      await assert.rejects(stat(path), { code: 'ENOENT' })
    }, never)
    assert.equal(await readFile(path, 'utf8'), 'whole')
    await writeFile(directory.file('usual'), '')
    assert.equal((await stat(path)).mode, (await stat(directory.file('usual'))).mode)
    assert.deepEqual((await readdir(directory.path)).toSorted(), ['out', 'usual'])
  })

  it('changes no other file where the owner of the directory puts a link in its way', async () => {
    const secret = directory.file('secret')
    await writeFile(secret, 'secret', { mode: 0o600 })
    const file = await prepare(directory.file('out'))
    const trapped = file.replace(async (part) => symlink(secret, part), never)
    await assert.rejects(trapped, (error) => isDamselflyError(error) && error.code.startsWith('DISK_'))
    assert.equal((await stat(secret)).mode & 0o777, 0o600)
    assert.deepEqual(await readdir(directory.path), ['secret'])
  })

  it('leaves the old file and no part when it cannot be filled', async () => {
    const path = directory.file('out')
    await writeFile(path, 'old')
    const file = await prepare(path)
    const failing = file.replace(async (part) => {
      await writeFile(part, 'ha')
      throw Object.assign(new Error('no space left'), { code: 'ENOSPC' })
    }, never)
    await assert.rejects(failing, (error) => isDamselflyError(error, 'DISK_FULL'))
    assert.equal(await readFile(path, 'utf8'), 'old')
    assert.deepEqual(await readdir(directory.path), ['out'])
  })

  it('leaves no part when it is interrupted', async () => {
    const file = await prepare(directory.file('out'))
    const interrupted = new AbortController()
    const replacing = file.replace(async (part) => {
      await writeFile(part, 'ha')
      interrupted.abort(new DamselflyError('CANCELLED', 'interrupted'))
      await new Promise(() => undefined)
    }, interrupted.signal)
    await assert.rejects(replacing, (error) => isDamselflyError(error, 'CANCELLED'))
    assert.deepEqual(await readdir(directory.path), [])
  })

  it('replaces a file and keeps its mode', async () => {
    const path = directory.file('out')
    await writeFile(path, 'old')
    await chmod(path, 0o640)
    await (await prepare(path)).replace((part) => writeFile(part, 'new'), never)
    assert.equal(await readFile(path, 'utf8'), 'new')
    assert.equal((await stat(path)).mode & 0o777, 0o640)
  })

  it('follows a symbolic link', async () => {
    await mkdir(directory.file('elsewhere'))
    const target = join(directory.file('elsewhere'), 'target')
    const path = directory.file('link')
    await writeFile(target, 'old')
    await symlink(target, path)
    await (await prepare(path)).replace((part) => writeFile(part, 'new'), never)
    assert.equal(await readFile(target, 'utf8'), 'new')
    assert.ok((await lstat(path)).isSymbolicLink())
  })

  it('may have the longest name that there is', async () => {
    const path = directory.file('n'.repeat(255))
    await (await prepare(path)).replace((part) => writeFile(part, 'x'), never)
    assert.equal(await readFile(path, 'utf8'), 'x')
  })

  it('is refused beforehand where it cannot be', async () => {
    await assert.rejects(prepareOutput(directory.path), /is a directory$/)
    await assert.rejects(prepareOutput(directory.file('no/such/dir')), (error) => isDamselflyError(error, 'DISK_FAILED'))
    await writeFile(directory.file('file'), '')
    await assert.rejects(prepareOutput(join(directory.file('file'), 'below')), (error) => isDamselflyError(error, 'DISK_FAILED'))
  })

  it('is refused beforehand without permission', async function () {
    if (process.geteuid?.() === 0) return this.skip()
    await mkdir(directory.file('closed'), { mode: 0o500 })
    await assert.rejects(prepareOutput(join(directory.file('closed'), 'x')), (error) => isDamselflyError(error, 'DISK_DENIED'))
    await writeFile(directory.file('fixed'), '', { mode: 0o400 })
    await assert.rejects(prepareOutput(directory.file('fixed')), (error) => isDamselflyError(error, 'DISK_DENIED'))
  })

  it('is none where a device or a pipe is', async () => {
    assert.equal(await prepareOutput('/dev/null'), undefined)
  })
})

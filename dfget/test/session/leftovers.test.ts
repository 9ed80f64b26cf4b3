import assert from 'node:assert/strict'
import { mkdir, readdir, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { removeLeftovers } from '../../src/session/leftovers.ts'
import { useTempDir } from '../temp-dir.ts'

const DAY_MS = 24 * 3600 * 1000

describe('leftovers of dfget', () => {
  const directory = useTempDir()
  const now = Date.now()

  const make = async (name: string, fileAgeDays: number, folderAgeDays = fileAgeDays): Promise<void> => {
    const file = join(directory.file(name), 'piece')
    await mkdir(directory.file(name))
    await writeFile(file, '')
    await utimes(file, now / 1000, (now - fileAgeDays * DAY_MS) / 1000)
    await utimes(directory.file(name), now / 1000, (now - folderAgeDays * DAY_MS) / 1000)
  }

  it('go after a week without a change; what is not a store stays', async () => {
    await make('a'.repeat(64), 8)
    await make(`${'b'.repeat(64)}-0123456789ab`, 8)
    await make('c'.repeat(64), 6)
    await make('d'.repeat(64), 0, 8)
    await make('documents', 100)
    await removeLeftovers(directory.path, now)
    assert.deepEqual((await readdir(directory.path)).toSorted(), ['c'.repeat(64), 'd'.repeat(64), 'documents'])
  })

  it('may be none at all', async () => {
    await removeLeftovers(directory.file('missing'), now)
  })
})

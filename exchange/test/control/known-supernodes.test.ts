import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDamselflyError, type PeerId } from '@damselfly/shared'
import { knownSupernodesFile } from '../../src/control/known-supernodes.ts'

const FIRST = '12D3KooWfirst' as PeerId
const OTHER = '12D3KooWother' as PeerId

describe('known supernodes', () => {
  let directory: string
  let path: string

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'known-supernodes-'))
    path = join(directory, 'known-supernodes.json')
  })

  afterEach(() => rm(directory, { recursive: true }))

  it('trusts the first identity at an address and keeps it for later runs', async () => {
    await knownSupernodesFile(path).check('supernode.example:65000', FIRST)
    await knownSupernodesFile(path).check('supernode.example:65000', FIRST)
    assert.deepEqual(JSON.parse(await readFile(path, 'utf8')), { 'supernode.example:65000': FIRST })
    assert.equal((await stat(path)).mode & 0o777, 0o600)
  })

  it('refuses another identity at a known address', async () => {
    const known = knownSupernodesFile(path)
    await known.check('supernode.example:65000', FIRST)
    await assert.rejects(known.check('supernode.example:65000', OTHER), (error) => isDamselflyError(error, 'SUPERNODE_IDENTITY'))
    await known.check('elsewhere.example:65000', OTHER)
  })

  it('does not quietly trust anew when its file is damaged', async () => {
    await writeFile(path, '{"supernode')
    await assert.rejects(knownSupernodesFile(path).check('supernode.example:65000', FIRST), (error) =>
      isDamselflyError(error, 'CONFIG_INVALID'),
    )
  })
})

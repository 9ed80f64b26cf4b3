import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDamselflyError } from '@damselfly/shared'
import {
  configFileVariable,
  environmentName,
  nearestName,
  readConfigFile,
  readConfigFileIfPresent,
} from '@damselfly/shared/config'

describe('a configuration file', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'damselfly-config-'))
  })
  afterEach(() => rm(folder, { recursive: true }))

  it('is read with its path, for messages', async () => {
    const path = join(folder, 'a.yaml')
    await writeFile(path, 'level: info\n')
    assert.deepEqual(await readConfigFile(path), { path, text: 'level: info\n' })
  })

  it('must be there only if somebody named it', async () => {
    const path = join(folder, 'none.yaml')
    assert.equal(await readConfigFileIfPresent(path), undefined)
    await assert.rejects(
      readConfigFile(path),
      (error) => isDamselflyError(error, 'CONFIG_INVALID') && error.message.includes(path),
    )
  })

  it('is an error when it is there and cannot be read', async () => {
    await assert.rejects(readConfigFileIfPresent(folder), (error) => isDamselflyError(error, 'CONFIG_INVALID'))
  })
})

describe('names', () => {
  it('of variables come from the path', () => {
    assert.equal(environmentName('dfdaemon', ['listen', 'directPort']), 'DAMSELFLY_DFDAEMON_LISTEN_DIRECT_PORT')
    assert.equal(configFileVariable('dfget'), 'DAMSELFLY_DFGET_CONFIG')
  })

  it('are found when they are nearly right, and not invented otherwise', () => {
    const known = ['uploadSlots', 'listen', 'level']
    assert.equal(nearestName('uploadslots', known), 'uploadSlots')
    assert.equal(nearestName('lvel', known), 'level')
    assert.equal(nearestName('whatever', known), undefined)
    assert.equal(nearestName('level', []), undefined)
  })
})

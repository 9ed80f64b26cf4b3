import assert from 'node:assert/strict'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { VirtualClock } from '@damselfly/shared'
import { DockerLogins } from '../../src/oci/docker-logins.ts'

const basic = (text: string): { type: 'basic'; authorization: string } => ({ type: 'basic', authorization: `Basic ${Buffer.from(text).toString('base64')}` })
const auth = (text: string): { auth: string } => ({ auth: Buffer.from(text).toString('base64') })

describe('the logins that Docker keeps', () => {
  let folder: string
  const { PATH } = process.env

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'damselfly-docker-'))
    process.env['PATH'] = `${folder}${delimiter}${PATH ?? ''}`
  })
  afterEach(async () => {
    process.env['PATH'] = PATH
    await rm(folder, { recursive: true })
  })

  async function loginsOf(config: unknown, clock = new VirtualClock()): Promise<DockerLogins> {
    const path = join(folder, 'config.json')
    await writeFile(path, typeof config === 'string' ? config : JSON.stringify(config))
    return new DockerLogins(path, clock)
  }

  /** @param script what it does when it is asked; its question is the file `asked` */
  async function helper(name: string, script: string): Promise<void> {
    const path = join(folder, `docker-credential-${name}`)
    await writeFile(path, `#!/bin/sh\ncat > ${folder}/asked\n${script}\n`)
    await chmod(path, 0o755)
  }

  it('stand in its file, for the Hub under its old name', async () => {
    const logins = await loginsOf({
      auths: { 'registry.test:5000': auth('me:pass:word'), 'https://index.docker.io/v1/': auth('hub:secret'), 'https://old.test/v1/': auth('a:b') },
    })
    assert.deepEqual(await logins.of('registry.test:5000'), basic('me:pass:word'))
    for (const name of ['docker.io', 'registry-1.docker.io']) assert.deepEqual(await logins.of(name), basic('hub:secret'))
    assert.deepEqual(await logins.of('old.test'), basic('a:b'))
    assert.equal(await logins.of('registry.test'), undefined)
  })

  it('may be tokens', async () => {
    const logins = await loginsOf({
      auths: { identity: { ...auth('00000000-0000:'), identitytoken: 'refresh me' }, registry: { registrytoken: 'as it is' } },
    })
    assert.deepEqual(await logins.of('identity'), { type: 'identity-token', token: 'refresh me' })
    assert.deepEqual(await logins.of('registry'), { type: 'bearer', token: 'as it is' })
  })

  it('are with helpers, the one for a registry before the one for all', async () => {
    await helper('one', `echo '{"ServerURL":"x","Username":"one","Secret":"1"}'`)
    await helper('all', `echo '{"ServerURL":"x","Username":"<token>","Secret":"all"}'`)
    const logins = await loginsOf({ credHelpers: { 'one.test': 'one' }, credsStore: 'all' })
    assert.deepEqual(await logins.of('one.test'), basic('one:1'))
    assert.deepEqual(await logins.of('docker.io'), { type: 'identity-token', token: 'all' })
  })

  it('are none where the helper says so, and where nothing was ever written', async () => {
    await helper('none', `echo 'credentials not found in native keychain'; exit 1`)
    assert.equal(await (await loginsOf({ credsStore: 'none' })).of('x.test'), undefined)
    assert.equal(await new DockerLogins(join(folder, 'missing.json'), new VirtualClock()).of('x.test'), undefined)
  })

  for (const [what, config] of [
    ['a file that is no JSON', '{'],
    ['a helper that is a path', { credsStore: '../../bin/sh' }],
    ['a helper that fails', { credsStore: 'broken' }],
    ['a helper that is not there', { credsStore: 'not-installed' }],
    ['a helper that says nothing', { credsStore: 'silent' }],
  ] as const) {
    it(`cannot be had from ${what}`, async () => {
      await helper('broken', 'echo locked; exit 1')
      await helper('silent', 'exit 0')
      await assert.rejects((await loginsOf(config)).of('x.test'), { code: 'CONFIG_INVALID' })
    })
  }

  it('are asked for again after a while', async () => {
    const clock = new VirtualClock()
    const logins = await loginsOf({ auths: { r: auth('a:b') } }, clock)
    await logins.of('r')
    await loginsOf({ auths: { r: auth('c:d') } })
    assert.deepEqual(await logins.of('r'), basic('a:b'))
    clock.advance(60_001)
    assert.deepEqual(await logins.of('r'), basic('c:d'))
  })
})

import assert from 'node:assert/strict'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { createImage, pushImage, RegistryPush, RegistryServer, whyNoRegistryServer } from '@damselfly/cdn/testing/registry'
import { CONTAINER_PROGRAMS, describe as described, Lab, missingPrograms, type Daemon, type Exit } from '@damselfly/test'

const image = createImage([300_000, 1000])

describe('container tools that dfdaemon sets up', function () {
  this.timeout(120_000)
  let lab: Lab
  let registry: RegistryServer
  let daemon: Daemon
  /** With the port that the mirror got. */
  let config: string

  before(async function () {
    if ((await whyNoRegistryServer()) !== undefined || (await missingPrograms(['skopeo'])).length > 0) this.skip()
    lab = await Lab.create()
    registry = await RegistryServer.start()
    await pushImage(new RegistryPush(registry.authority, 'library/small'), '1', image)
    const supernode = await lab.supernode()
    daemon = await lab.daemon('daemon', { supernodes: [supernode.address] })
    config = lab.path('fixed.yaml')
    const mirror = { port: Number(new URL(daemon.mirror).port), defaultRegistry: registry.authority }
    await writeFile(config, JSON.stringify({ dataDir: daemon.dataDir, api: { socket: daemon.socket }, mirror }))
  })
  after(async () => {
    await lab?.stop()
    await registry?.stop()
  })

  const run = (...args: readonly string[]): Promise<Exit> => lab.own('dfdaemon', args).exited

  it('pull through the mirror, until all is taken back', async () => {
    const root = lab.path('root')
    await mkdir(`${root}/etc/containers`, { recursive: true })
    const setup = ['setup', 'podman', '--root', root, '--config', config]
    const exit = await run(...setup, '--registry', registry.authority)
    assert.equal(exit.code, 0, described(exit))
    const conf = `${root}/etc/containers/registries.conf.d/damselfly.conf`
    const args = ['--insecure-policy', '--registries-conf', conf, 'copy', `docker://${registry.authority}/library/small:1`, `dir:${lab.path('pulled')}`]
    const pulled = await lab.program('skopeo', CONTAINER_PROGRAMS.skopeo, args).exited
    assert.equal(pulled.code, 0, described(pulled))
    const { tasks } = await daemon.call<{ tasks: readonly unknown[] }>('GET', '/api/v1/tasks')
    assert.ok(tasks.length >= image.layers.length, 'nothing went through the daemon')
    assert.match((await run(...setup, '--registry', registry.authority)).stdout, /nothing to do/)
    assert.equal((await run(...setup, '--undo')).code, 0)
    await assert.rejects(readFile(conf), { code: 'ENOENT' })
  })

  it('have their files back as they were, with backups in between', async () => {
    const root = lab.path('other-root')
    await mkdir(`${root}/etc/docker`, { recursive: true })
    const file = `${root}/etc/docker/daemon.json`
    const text = '{ "debug":true ,\n\t"labels": [ ] }'
    await writeFile(file, text, { mode: 0o640 })
    const plain = lab.path('plain.yaml')
    await writeFile(plain, '{}')
    const setup = ['setup', 'docker', '--root', root, '--config', plain]
    assert.match((await run(...setup, '--dry-run')).stdout, /^\+.*http:\/\/127\.0\.0\.1:65001/m)
    assert.equal(await readFile(file, 'utf8'), text)
    assert.equal((await run(...setup)).code, 0)
    assert.deepEqual(JSON.parse(await readFile(file, 'utf8')), { debug: true, labels: [], 'registry-mirrors': ['http://127.0.0.1:65001'] })
    assert.equal(await readFile(`${root}/var/lib/damselfly/setup/docker/daemon.json`, 'utf8'), text)
    await writeFile(file, '{}')
    const refused = await run(...setup, '--undo')
    assert.equal(refused.code, 2)
    assert.match(refused.stderr, /TOOL_CONFIG_CHANGED/)
    await writeFile(file, text)
    assert.equal((await run(...setup, '--undo')).code, 0)
    assert.equal(await readFile(file, 'utf8'), text)
  })

  it('are examined by the doctor, with a real pull', async () => {
    const exit = await run('doctor', '--json', '--config', config, '--image', `${registry.authority}/library/small:1`)
    const { findings } = JSON.parse(exit.stdout) as { findings: readonly { check: string; state: string; text: string }[] }
    const states = Object.fromEntries(findings.map(({ check, state }) => [check, state]))
    for (const check of ['configuration', 'daemon', 'supernode', 'mirror', 'registry', 'pull']) assert.equal(states[check], 'ok', exit.stdout)
    await writeFile(lab.path('dead.yaml'), JSON.stringify({ dataDir: lab.path('nowhere'), api: { socket: lab.path('none.sock') }, mirror: { port: 1 } }))
    const dead = await run('doctor', '--config', lab.path('dead.yaml'))
    assert.equal(dead.code, 1)
    assert.match(dead.stdout, /^fail {2}daemon: .*\n {6}start it/m)
    assert.match(dead.stdout, /^fail {2}mirror: /m)
  })
})

import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  createRunnableImage,
  pushImage,
  REGISTRY_USER,
  RegistryPush,
  RegistryServer,
  selfSignedCertificate,
  TokenServer,
  whyNoRegistryServer,
  type TestImage,
} from '@damselfly/cdn/testing/registry'
import {
  BUSYBOX,
  createContainerd,
  createDocker,
  createPodman,
  createSkopeo,
  isInstalled,
  Lab,
  missingPrograms,
  type Containerd,
  type ContainerTool,
  type Daemon,
} from '@damselfly/test'

/** None of them can be reached by its name, so that whoever pulls has pulled through the daemon. */
const REGISTRIES = ['open.test:5000', 'passwords.test:5000', 'tokens.test:5000', 'tls.test:5000'] as const
const USER = `${REGISTRY_USER.username}:${REGISTRY_USER.password}`
const GREETING = 'hello from the image'

describe('container tools through a daemon', function () {
  this.timeout(180_000)
  let lab: Lab
  let daemon: Daemon
  let storage: string
  let image: TestImage
  const servers = new Map<string, RegistryServer>()
  let tokens: TokenServer

  before(async function () {
    if ((await whyNoRegistryServer()) !== undefined || !(await isInstalled(BUSYBOX))) this.skip()
    lab = await Lab.create()
    storage = await mkdtemp(join(tmpdir(), 'damselfly-images-'))
    tokens = await TokenServer.start(REGISTRY_USER)
    const tls = await selfSignedCertificate()
    await writeFile(lab.path('ca.pem'), tls.cert)
    const auth = { type: 'tokens', realm: tokens.realm, service: 'tests', issuer: 'tests', bundle: tokens.certificate.cert } as const
    const [open, passwords, withTokens, withTls] = REGISTRIES
    servers.set(open, await RegistryServer.start({ storage }))
    servers.set(passwords, await RegistryServer.start({ storage, auth: { type: 'passwords' } }))
    servers.set(withTokens, await RegistryServer.start({ storage, auth }))
    servers.set(withTls, await RegistryServer.start({ storage, tls }))
    const busybox = await readFile(BUSYBOX)
    image = createRunnableImage('busybox', busybox, ['/bin/busybox', 'echo', GREETING])
    await pushImage(new RegistryPush(server(open).authority, 'library/greeting'), '1', image)
    const pause = createRunnableImage('busybox', busybox, ['/bin/busybox', 'sleep', '600'])
    await pushImage(new RegistryPush(server(open).authority, 'library/pause'), '1', pause)
    const known = REGISTRIES.map((host) => ({ host, endpoint: `http${host === withTls ? 's' : ''}://${server(host).authority}` }))
    const registries = [...known.slice(0, 3), { ...known[3], ca: lab.path('ca.pem') }, { ...known[0], host: 'docker.io' }]
    const supernode = await lab.supernode('supernode', { config: { origins: { registries } } })
    const proxy = { enabled: true, port: 0, registries: REGISTRIES }
    daemon = await lab.daemon('daemon', { supernodes: [supernode.address], config: { origins: { registries }, proxy } })
  })
  after(async () => {
    await lab?.stop()
    await tokens?.stop()
    await Promise.all([...servers.values()].map((one) => one.stop()))
    if (storage !== undefined) await rm(storage, { recursive: true })
  })

  const server = (name: string): RegistryServer => servers.get(name) ?? assert.fail(`no ${name}`)
  const userFor = (registry: string): string | undefined => (/^(?:passwords|tokens)/.test(registry) ? USER : undefined)

  describe('skopeo', () => {
    let skopeo: ContainerTool
    before(async function () {
      if ((await missingPrograms(['skopeo'])).length > 0) this.skip()
      skopeo = await createSkopeo(lab, daemon.mirror, REGISTRIES)
    })

    for (const registry of REGISTRIES) it(`copies from ${registry}`, () => skopeo.pull(`${registry}/library/greeting:1`, userFor(registry)))

    for (const registry of REGISTRIES.slice(1, 3)) {
      it(`is refused by ${registry} without a login, whatever is here`, () =>
        assert.rejects(skopeo.pull(`${registry}/library/greeting:1`), /unauthorized|authentication required/i))
    }
  })

  describe('podman', () => {
    let podman: ContainerTool
    before(async function () {
      if ((await missingPrograms(['podman', 'runc'])).length > 0) this.skip()
      podman = (await createPodman(lab, daemon.mirror, REGISTRIES)) ?? assert.fail('podman does not work here')
    })

    for (const registry of REGISTRIES) {
      it(`pulls from ${registry}, and runs it`, async () => {
        await podman.pull(`${registry}/library/greeting:1`, userFor(registry))
        assert.equal(await podman.run?.(`${registry}/library/greeting:1`), GREETING)
      })
    }
  })

  describe('containerd', () => {
    let containerd: Containerd
    before(async function () {
      if ((await missingPrograms(['containerd', 'ctr', 'runc'])).length > 0 || process.getuid?.() !== 0) this.skip()
      containerd = await createContainerd(lab, daemon.mirror, `${REGISTRIES[0]}/library/pause:1`)
    })
    after(() => containerd?.cri.close())

    for (const registry of REGISTRIES) {
      const name = `${registry}/library/greeting:1`
      it(`pulls from ${registry} for ctr, which runs it`, async () => {
        await containerd.ctr.pull(name, userFor(registry))
        assert.equal(await containerd.ctr.run?.(name), GREETING)
      })

      it(`pulls from ${registry} for a kubelet (CRI), which runs it in a pod`, async () => {
        await containerd.cri.pull(name, userFor(registry))
        assert.equal(await containerd.cri.run(name), GREETING)
      })

      if (userFor(registry) === undefined) continue
      it(`is refused by ${registry} without a login, whatever is here`, () =>
        assert.rejects(containerd.cri.pull(`${registry}/library/greeting:1`), /401|unauthorized|authorization failed/i))
    }
  })

  describe('docker', () => {
    let docker: ContainerTool
    before(async function () {
      if ((await missingPrograms(['dockerd', 'docker', 'runc'])).length > 0 || process.getuid?.() !== 0) this.skip()
      const exported = await lab.own('dfdaemon', ['ca', 'export', '--config', lab.path('daemon.yaml')]).exited
      await writeFile(lab.path('proxy-ca.pem'), exported.stdout)
      docker = await createDocker(lab, daemon.mirror, { url: daemon.proxy, ca: lab.path('proxy-ca.pem') })
    })

    it('pulls from docker.io through the mirror, and runs it', async () => {
      await docker.pull('library/greeting:1')
      assert.equal(await docker.run?.('library/greeting:1'), GREETING)
    })

    for (const registry of REGISTRIES) {
      it(`pulls from ${registry} through the proxy, which ends its TLS, and runs it`, async () => {
        await docker.pull(`${registry}/library/greeting:1`, userFor(registry))
        assert.equal(await docker.run?.(`${registry}/library/greeting:1`), GREETING)
      })
    }

    for (const registry of REGISTRIES.slice(1, 3)) {
      it(`is refused by ${registry} without a login, whatever is here`, () =>
        assert.rejects(docker.pull(`${registry}/library/greeting:1`), /unauthorized|authentication required|no basic auth/i))
    }
  })

  describe('all of them', () => {
    it('have cost the registries each content once', () => {
      for (const { digest, bytes } of [image.config, ...image.layers]) {
        const sent = [...servers.values()].flatMap(({ answers }) => answers.filter(({ method, path }) => method === 'GET' && path.includes(digest)))
        assert.equal(sent.reduce((sum, one) => sum + one.bytes, 0), bytes.length)
      }
    })
  })
})

import assert from 'node:assert/strict'
import { mkdir, readFile } from 'node:fs/promises'
import { createRunnableImage, pushImage, RegistryPush, RegistryServer, whyNoRegistryServer } from '@damselfly/cdn/testing/registry'
import {
  BUSYBOX,
  canMount,
  CONTAINER_PROGRAMS,
  containerdPlaces,
  Cri,
  criSection,
  describe as described,
  dockerPlaces,
  isInstalled,
  Lab,
  missingPrograms,
  podmanPlaces,
  PrivateRoot,
  succeeds,
  until,
  type Exit,
} from '@damselfly/test'

const GREETING = 'hello from the image'
/** Nobody can reach it by this name, so that whoever pulls has pulled through the daemon. */
const REGISTRY = 'open.test:5000'
const IMAGE = `${REGISTRY}/library/greeting:1`

describe("container tools that dfdaemon sets up in a machine's own /etc", function () {
  this.timeout(180_000)
  let lab: Lab
  let registry: RegistryServer
  let root: PrivateRoot

  before(async function () {
    const programs = await missingPrograms(['podman', 'skopeo', 'containerd', 'ctr', 'dockerd', 'docker', 'runc'])
    if ((await whyNoRegistryServer()) !== undefined || programs.length > 0 || !(await isInstalled(BUSYBOX)) || !(await canMount())) this.skip()
    lab = await Lab.create()
    registry = await RegistryServer.start()
    const busybox = await readFile(BUSYBOX)
    for (const [name, command] of [['greeting', ['echo', GREETING]], ['pause', ['sleep', '600']]] as const) {
      await pushImage(new RegistryPush(registry.authority, `library/${name}`), '1', createRunnableImage('busybox', busybox, ['/bin/busybox', ...command]))
    }
    const registries = [REGISTRY, 'docker.io'].map((host) => ({ host, endpoint: `http://${registry.authority}` }))
    const daemon = await lab.daemon('daemon', { config: { origins: { registries } } })
    root = await PrivateRoot.create(lab)
    await mkdir(lab.path('root/etc/damselfly'))
    await root.write('/etc/damselfly/dfdaemon.yaml', JSON.stringify({ dataDir: daemon.dataDir, mirror: { port: Number(new URL(daemon.mirror).port) } }))
  })
  after(async () => {
    await lab?.stop()
    await registry?.stop()
  })

  async function setup(...args: readonly string[]): Promise<Exit> {
    const exit = await root.own('dfdaemon', 'setup', ...args)
    assert.equal(exit.code, 0, described(exit))
    return exit
  }

  /** Sets a tool up, lets `use` see what it does then, and takes all back. */
  async function withSetup(tool: string, folder: string, more: readonly string[], use: () => Promise<void>): Promise<void> {
    const before = await root.files(folder)
    assert.match((await setup(tool, ...more, '--dry-run')).stdout, /^\+.*127\.0\.0\.1/m)
    assert.deepEqual(await root.files(folder), before)
    await setup(tool, ...more)
    await use()
    const after = await root.files(folder)
    assert.match((await setup(tool, ...more, '--restart')).stdout, /nothing to do/)
    assert.deepEqual(await root.files(folder), after)
    await setup(tool, '--undo')
    assert.deepEqual(await root.files(folder), before)
  }

  it('podman, skopeo and CRI-O read registries.conf, and pull and run', async () => {
    await mkdir(lab.path('podman'))
    const env = await podmanPlaces(lab.path('podman'))
    const podman = async (...args: readonly string[]): Promise<string> => (await succeeds(root.program('podman', CONTAINER_PROGRAMS.podman, args, env))).stdout
    const before = (await root.restarts()).length
    await withSetup('podman', '/etc/containers', ['--registry', REGISTRY], async () => {
      await podman('pull', IMAGE)
      assert.equal(await podman('run', '--rm', '--network=none', IMAGE), GREETING)
      await succeeds(root.program('skopeo', CONTAINER_PROGRAMS.skopeo, ['--insecure-policy', 'copy', `docker://${IMAGE}`, `dir:${lab.path('copied')}`]))
      // The same file is what CRI-O reads.
      assert.match((await setup('crio', '--registry', REGISTRY)).stdout, /nothing to do/)
    })
    assert.equal((await root.restarts()).length, before)
  })

  it('containerd reads config.toml and hosts.toml, and a kubelet pulls and runs', async () => {
    await mkdir(lab.path('containerd/logs'), { recursive: true })
    const folder = lab.path('containerd')
    await root.write('/etc/containerd/config.toml', `# ours\n${containerdPlaces(folder)}${criSection(folder, `${REGISTRY}/library/pause:1`, undefined)}`, 0o640)
    await withSetup('containerd', '/etc/containerd', [], async () => {
      assert.deepEqual(await root.restarts(), [])
      const program = root.program('containerd', CONTAINER_PROGRAMS.containerd, [])
      const cri = new Cri(`${folder}/sock`, `${folder}/logs`)
      try {
        await until(() => cri.isReady())
        await cri.pull(IMAGE)
        assert.equal(await cri.run(IMAGE), GREETING)
      } finally {
        cri.close()
        await program.stop()
      }
    })
    assert.deepEqual(await root.restarts(), [])
    assert.match((await setup('containerd', '--restart')).stdout, /systemctl restart containerd: done/)
    assert.deepEqual(await root.restarts(), ['restart containerd'])
  })

  it('docker reads daemon.json, while it runs if it is told to, and pulls and runs', async () => {
    await mkdir(lab.path('docker/home'), { recursive: true })
    const folder = lab.path('docker')
    await root.write('/etc/docker/daemon.json', `${JSON.stringify(dockerPlaces(folder), null, 4)}\n`, 0o600)
    await root.isService('docker', root.program('dockerd', CONTAINER_PROGRAMS.dockerd, []))
    const env = { DOCKER_HOST: `unix://${folder}/sock`, HOME: `${folder}/home` }
    const docker = (...args: readonly string[]): Promise<Exit> => root.program('docker', CONTAINER_PROGRAMS.docker, args, env).exited
    await until(async () => (await docker('version')).code === 0)
    const mirrors = async (): Promise<string> => (await docker('info', '--format', '{{.RegistryConfig.Mirrors}}')).stdout
    await withSetup('docker', '/etc/docker', [], async () => {
      assert.equal(await mirrors(), '[]')
      await setup('docker', '--undo')
      await setup('docker', '--restart')
      await until(async () => (await mirrors()) !== '[]')
      assert.equal((await root.restarts()).at(-1), 'reload docker')
      assert.equal((await docker('pull', 'library/greeting:1')).code, 0)
      assert.equal((await docker('run', '--rm', '--network=none', 'library/greeting:1')).stdout, GREETING)
    })
  })

  it('are left alone for whoever is not root, who may look', async () => {
    const nobody = { user: { uid: 65_534, gid: 65_534 }, env: { HOME: '/nonexistent' } }
    const refused = await lab.own('dfdaemon', ['setup', 'podman'], nobody).exited
    assert.equal(refused.code, 6, described(refused))
    assert.match(refused.stderr, /only root changes \/etc\/containers: use sudo, or --dry-run.*\[DISK_DENIED\]/s)
    const shown = await lab.own('dfdaemon', ['setup', 'podman', '--registry', 'never.test', '--dry-run'], nobody).exited
    assert.match(shown.stdout, /^\+location = "never\.test"/m, described(shown))
  })
})

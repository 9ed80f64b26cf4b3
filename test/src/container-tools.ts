import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Cri } from './cri.ts'
import type { Lab } from './lab.ts'
import { isInstalled } from './nginx.ts'
import { PrivateRoot } from './private-root.ts'
import { describe, type Exit, type Program } from './program.ts'
import { until } from './until.ts'

/** Statically linked, so that it runs in an image of its own. */
export const BUSYBOX = '/bin/busybox'

/** Programs that pull images, where Debian puts them. */
export const CONTAINER_PROGRAMS = {
  skopeo: '/usr/bin/skopeo',
  podman: '/usr/bin/podman',
  containerd: '/usr/bin/containerd',
  ctr: '/usr/bin/ctr',
  dockerd: '/usr/sbin/dockerd',
  docker: '/usr/bin/docker',
  runc: '/usr/sbin/runc',
} as const

/** Those that are missing. */
export async function missingPrograms(names: readonly (keyof typeof CONTAINER_PROGRAMS)[]): Promise<readonly string[]> {
  const paths = names.map((name) => CONTAINER_PROGRAMS[name])
  const found = await Promise.all(paths.map(isInstalled))
  return paths.filter((_, index) => found[index] === false)
}

/** A tool that pulls images through a mirror, with all that it writes in the lab. */
export interface ContainerTool {
  /** @param image `REGISTRY/REPOSITORY:TAG` @param user `NAME:PASSWORD` @throws with all that the tool said */
  pull(image: string, user?: string): Promise<void>
  /** What the image prints when it runs. */
  run?(image: string): Promise<string>
  /** The folder in which its files can be read. */
  mount?(image: string): Promise<string>
  /** Nothing of it is mounted afterwards. */
  close?(): Promise<void>
}

/** podman and skopeo know a mirror by a block for each registry; in the path of a mirror a port stands behind underscores. */
async function registriesConf(lab: Lab, folder: string, mirror: string, registries: readonly string[]): Promise<string> {
  const host = new URL(mirror).host
  const blocks = registries.map((name) => `[[registry]]\nlocation = "${name}"\n[[registry.mirror]]\nlocation = "${host}/${name.replace(':', '__')}"\ninsecure = true\n`)
  const path = lab.path(folder, 'registries.conf')
  await writeFile(path, `unqualified-search-registries = []\n${blocks.join('')}`)
  return path
}

async function authFile(lab: Lab, folder: string, mirror: string, user: string | undefined): Promise<string> {
  const path = lab.path(folder, 'auth.json')
  const auths = user === undefined ? {} : { [new URL(mirror).host]: { auth: Buffer.from(user).toString('base64') } }
  await writeFile(path, JSON.stringify({ auths }))
  return path
}

export async function succeeds(program: Program): Promise<Exit> {
  const exit = await program.exited
  if (exit.code !== 0) throw new Error(`${program.name} ended with ${describe(exit)}`)
  return exit
}

/** @param folder of its own, below the lab's */
export async function createSkopeo(lab: Lab, mirror: string, registries: readonly string[], folder = 'skopeo'): Promise<ContainerTool> {
  await mkdir(lab.path(folder))
  const conf = await registriesConf(lab, folder, mirror, registries)
  let pulls = 0
  return {
    async pull(image, user) {
      const target = `dir:${lab.path(folder, String(pulls++))}`
      const auth = await authFile(lab, folder, mirror, user)
      const args = ['--insecure-policy', '--registries-conf', conf, 'copy', '--authfile', auth, `docker://${image}`, target]
      await succeeds(lab.program('skopeo', CONTAINER_PROGRAMS.skopeo, args))
    },
  }
}

/** What podman keeps images in: copies of all files, or layers over each other, of which it fetches only the parts that it lacks. */
const PODMAN_STORES = {
  copies: 'driver = "vfs"',
  'partial layers': 'driver = "overlay"\n[storage.options]\npull_options = { enable_partial_images = "true", use_hard_links = "false", ostree_repos = "" }',
} as const

/** Lets all that podman writes be below a folder. @returns what its environment is to have */
export async function podmanPlaces(folder: string, store: keyof typeof PODMAN_STORES = 'copies'): Promise<NodeJS.ProcessEnv> {
  const path = (name: string): string => join(folder, name)
  await writeFile(path('storage.conf'), `[storage]\nrunroot = "${path('run')}"\ngraphroot = "${path('data')}"\n${PODMAN_STORES[store]}\n`)
  await writeFile(
    path('containers.conf'),
    `[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]\n[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "none"\nruntime = "runc"\ntmp_dir = "${path('tmp')}"\n`,
  )
  return { HOME: path('home'), CONTAINERS_STORAGE_CONF: path('storage.conf'), CONTAINERS_CONF: path('containers.conf') }
}

/** @returns undefined where this host cannot keep images so */
export async function createPodman(
  lab: Lab,
  mirror: string,
  registries: readonly string[],
  store: keyof typeof PODMAN_STORES = 'copies',
): Promise<ContainerTool | undefined> {
  const folder = `podman-${store.replace(' ', '-')}`
  await mkdir(lab.path(folder))
  const path = (name: string): string => lab.path(folder, name)
  const env = { ...(await podmanPlaces(path(''), store)), CONTAINERS_REGISTRIES_CONF: await registriesConf(lab, folder, mirror, registries) }
  await writeFile(path('policy.json'), '{"default":[{"type":"insecureAcceptAnything"}]}')
  const start = (args: readonly string[]): Program => lab.program('podman', CONTAINER_PROGRAMS.podman, args, { env })
  const podman = (args: readonly string[]): Promise<Exit> => succeeds(start(args))
  if ((await start(['info']).exited).code !== 0) return undefined
  return {
    async pull(image, user) {
      const auth = await authFile(lab, folder, mirror, user)
      await podman(['pull', '--signature-policy', path('policy.json'), '--authfile', auth, image])
    },
    async run(image) {
      return (await podman(['run', '--rm', '--network=none', image])).stdout
    },
    async mount(image) {
      return (await podman(['image', 'mount', image])).stdout
    },
    async close() {
      await podman(['image', 'unmount', '--all'])
    },
  }
}

/** containerd as its own client uses it, and as a kubelet does. */
export interface Containerd {
  readonly ctr: ContainerTool
  readonly cri: Cri
}

/** @param pause an image that does nothing for as long as it runs, for pods */
export async function createContainerd(lab: Lab, mirror: string, pause: string): Promise<Containerd> {
  const path = (name: string): string => lab.path('containerd', name)
  await mkdir(join(path('hosts'), '_default'), { recursive: true })
  await writeFile(join(path('hosts'), '_default', 'hosts.toml'), `[host."${mirror}"]\n  capabilities = ["pull", "resolve"]\n`)
  await writeFile(
    path('config.toml'),
    `${containerdPlaces(path(''))}${criSection(path(''), pause, path('hosts'))}`,
  )
  lab.program('containerd', CONTAINER_PROGRAMS.containerd, ['--config', path('config.toml')])
  const ctr = (...args: readonly string[]): Program => lab.program('ctr', CONTAINER_PROGRAMS.ctr, ['--address', path('sock'), ...args])
  await until(async () => (await ctr('version').exited).code === 0)
  const cri = new Cri(path('sock'), path('logs'))
  await until(() => cri.isReady())
  return {
    cri,
    ctr: {
      async pull(image, user) {
        const login = user === undefined ? [] : ['--user', user]
        await succeeds(ctr('images', 'pull', '--snapshotter', 'native', '--hosts-dir', path('hosts'), ...login, image))
      },
      async run(image) {
        return (await succeeds(ctr('run', '--rm', '--snapshotter', 'native', image, 'from-the-test'))).stdout
      },
    },
  }
}

/** Of `config.toml`, but for the CRI plugin: all that it writes is below a folder. */
export function containerdPlaces(folder: string): string {
  return `version = 2\nroot = "${folder}/root"\nstate = "${folder}/state"\n[grpc]\n  address = "${folder}/sock"\n[ttrpc]\n  address = "${folder}/sock.ttrpc"\n`
}

/** Nothing of it outside the lab, and nothing that would need a network of its own. @param hosts undefined: none are configured */
export function criSection(folder: string, pause: string, hosts: string | undefined): string {
  const cri = 'plugins."io.containerd.grpc.v1.cri"'
  const registry = hosts === undefined ? '' : `[${cri}.registry]\n  config_path = "${hosts}"\n`
  return `[${cri}]\n  sandbox_image = "${pause}"\n  restrict_oom_score_adj = true\n[${cri}.containerd]\n  snapshotter = "native"\n[${cri}.cni]\n  bin_dir = "${folder}/cni"\n  conf_dir = "${folder}/cni"\n${registry}`
}

/** A forward proxy for the registries that a mirror is not for. */
export interface ProxyOfDocker {
  readonly url: string
  /** Path of the CA that vouches for those registries in their stead, PEM. */
  readonly ca: string
}

/** Of `daemon.json`: all that it writes is below a folder, and no network is touched. */
export function dockerPlaces(folder: string): Record<string, unknown> {
  return {
    'data-root': `${folder}/data`,
    'exec-root': `${folder}/exec`,
    pidfile: `${folder}/pid`,
    hosts: [`unix://${folder}/sock`],
    bridge: 'none',
    iptables: false,
    ip6tables: false,
    'ip-forward': false,
    'storage-driver': 'vfs',
  }
}

export async function createDocker(lab: Lab, mirror: string, proxy?: ProxyOfDocker): Promise<ContainerTool> {
  const path = (name: string): string => lab.path('docker', name)
  await mkdir(path('home/.docker'), { recursive: true })
  await chmod(path(''), 0o700)
  await writeFile(path('daemon.json'), JSON.stringify({ ...dockerPlaces(path('')), 'registry-mirrors': [mirror] }))
  const surroundings = proxy === undefined ? {} : { HTTPS_PROXY: proxy.url, SSL_CERT_FILE: proxy.ca }
  // It writes a key to /etc/docker, whatever it is configured to.
  const root = await PrivateRoot.create(lab)
  root.program('dockerd', CONTAINER_PROGRAMS.dockerd, ['--config-file', path('daemon.json')], surroundings)
  const env = { DOCKER_HOST: `unix://${path('sock')}`, HOME: path('home') }
  const docker = (...args: readonly string[]): Program => lab.program('docker', CONTAINER_PROGRAMS.docker, args, { env })
  await until(async () => (await docker('version').exited).code === 0)
  return {
    async pull(image, user) {
      const [registry = ''] = image.split('/')
      const auths = user === undefined ? {} : { [registry]: { auth: Buffer.from(user).toString('base64') } }
      await writeFile(path('home/.docker/config.json'), JSON.stringify({ auths }))
      await succeeds(docker('pull', image))
    },
    async run(image) {
      return (await succeeds(docker('run', '--rm', '--network=none', image))).stdout
    },
  }
}

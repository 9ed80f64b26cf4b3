import type { FileChange, Files } from './files.ts'
import { TomlFile, type TomlPath } from './toml-file.ts'
import { toolConfigError } from './tool-config-error.ts'
import type { Tool } from './tool.ts'

const CONFIG = '/etc/containerd/config.toml'
const CERTS = '/etc/containerd/certs.d'

/** The CRI plugin's section on registries, by the version of the file. */
const REGISTRY: Readonly<Record<number, TomlPath>> = {
  2: ['plugins', 'io.containerd.grpc.v1.cri', 'registry'],
  3: ['plugins', 'io.containerd.cri.v1.images', 'registry'],
}
/** Versions from 1.5 on read it, those from 2.0 on too. */
const NEW_FILE = 'version = 2\n'
const CRI_PLUGINS = new Set(['cri', 'io.containerd.grpc.v1.cri', 'io.containerd.cri.v1.images'])

const CAPABILITIES = ['pull', 'resolve']

/** What a file contributes to the plan. */
interface Part {
  readonly change: FileChange
  readonly notes: readonly string[]
}

/** One default for all registries; those with a folder of their own keep it. */
export const containerd: Tool = {
  name: 'containerd',
  programs: ['containerd'],
  folder: '/etc/containerd',
  record: 'containerd',
  restart: ['systemctl', 'restart', 'containerd'],
  plan: (files, { mirror }) => {
    const config = planConfig(files)
    const hosts = planHosts(files, config.folder, mirror)
    return {
      changes: [config.change, hosts.change],
      notes: [...config.notes, ...hosts.notes],
      // It reads hosts.toml at each pull.
      needsRestart: config.change.before !== config.change.after,
    }
  },
}

function planConfig(files: Files): Part & { readonly folder: string } {
  const before = files.read(CONFIG)
  const given = new TomlFile(CONFIG, before ?? '')
  const unchanged = { path: CONFIG, before, after: before }
  if (isCriOff(given)) {
    return { change: unchanged, folder: CERTS, notes: [`the CRI plugin is switched off in ${CONFIG}; ctr needs --hosts-dir ${CERTS}, nerdctl reads it by itself`] }
  }
  const file = given.isEmpty ? new TomlFile(CONFIG, withLine(given.text)) : given
  const registry = registryPath(file)
  refuseOldMirrors(file, registry)
  const configured = file.value([...registry, 'config_path'])
  // Several folders may be named, with colons between; the first comes first.
  if (typeof configured === 'string' && configured !== '') return { change: unchanged, folder: configured.split(':')[0] ?? CERTS, notes: [] }
  return { change: { path: CONFIG, before, after: file.withText(registry, 'config_path', CERTS).text }, folder: CERTS, notes: [] }
}

function planHosts(files: Files, folder: string, mirror: string): Part {
  const path = `${folder}/_default/hosts.toml`
  const before = files.read(path)
  const own = files.list(folder).filter((name) => name !== '_default' && files.read(`${folder}/${name}/hosts.toml`) !== undefined)
  return {
    change: { path, before, after: withHost(new TomlFile(path, before ?? ''), mirror) },
    notes: own.map((name) => `${name} has a hosts.toml of its own in ${folder}/${name}, so it is not pulled through the mirror`),
  }
}

function withHost(file: TomlFile, mirror: string): string {
  const at = ['host', mirror]
  if (file.value(at) === undefined) {
    const lines = [`  capabilities = [${CAPABILITIES.map((one) => JSON.stringify(one)).join(', ')}]`]
    return file.withFirstTable(at, lines, { capabilities: CAPABILITIES }).text
  }
  const capabilities = file.value([...at, 'capabilities'])
  if (capabilities === undefined || (Array.isArray(capabilities) && CAPABILITIES.every((one) => capabilities.includes(one)))) return file.text
  throw toolConfigError(`${file.path}:${file.lineOf(at)}`, `${mirror} is there without the capabilities ${CAPABILITIES.join(' and ')}`)
}

function withLine(text: string): string {
  return text === '' || text.endsWith('\n') ? text + NEW_FILE : `${text}\n${NEW_FILE}`
}

function isCriOff(file: TomlFile): boolean {
  const disabled = file.value(['disabled_plugins'])
  return Array.isArray(disabled) && disabled.some((plugin) => CRI_PLUGINS.has(String(plugin)))
}

function registryPath(file: TomlFile): TomlPath {
  const version = file.value(['version'])
  const path = typeof version === 'number' ? REGISTRY[version] : undefined
  if (path !== undefined) return path
  throw toolConfigError(CONFIG, `is of version ${JSON.stringify(version ?? 1)}, but 2 or 3 is needed: \`containerd config migrate\` converts it`)
}

/** containerd does not start where the old way of naming mirrors stands beside the new one. */
function refuseOldMirrors(file: TomlFile, registry: TomlPath): void {
  for (const old of ['mirrors', 'configs']) {
    const value = file.value([...registry, old])
    if (typeof value !== 'object' || value === null || Object.keys(value).length === 0) continue
    const line = file.lineOf([...registry, old])
    throw toolConfigError(`${CONFIG}:${line}`, `registry.${old} cannot stand beside config_path: move it to ${CERTS}/NAME/hosts.toml first`)
  }
}

import { DamselflyError } from '@damselfly/shared'
import type { Files } from './files.ts'
import { TomlFile } from './toml-file.ts'
import { toolConfigError } from './tool-config-error.ts'
import type { Plan, Tool, Wish } from './tool.ts'

const FOLDER = '/etc/containers'
const DROP_INS = `${FOLDER}/registries.conf.d`
const OURS = 'damselfly.conf'

/** Each registry must be named: a rule for all of them is not possible. */
export const DEFAULT_REGISTRIES = ['docker.io', 'quay.io', 'ghcr.io', 'registry.k8s.io']

export const podman: Tool = toolWith('podman', ['podman', 'buildah', 'skopeo'], undefined)
export const crio: Tool = toolWith('crio', ['crio', 'cri-o'], ['systemctl', 'reload', 'crio'])

function toolWith(name: string, programs: readonly string[], restart: Tool['restart']): Tool {
  return { name, programs, folder: FOLDER, record: 'containers', restart, plan: planDropIn }
}

function planDropIn(files: Files, { mirror, registries }: Wish): Plan {
  for (const registry of registries) checkName(registry)
  refuseOthers(files, registries)
  const path = `${DROP_INS}/${OURS}`
  return { changes: [{ path, before: files.read(path), after: dropIn(mirror, registries) }], notes: [], needsRestart: true }
}

function dropIn(mirror: string, registries: readonly string[]): string {
  const { host, protocol } = new URL(mirror)
  const insecure = protocol === 'http:' ? ['insecure = true'] : []
  const blocks = registries.map((registry) =>
    ['[[registry]]', `location = "${registry}"`, '', '[[registry.mirror]]', `location = "${host}/${inPath(registry)}"`, ...insecure, ''].join('\n'),
  )
  return ['# Written by dfdaemon setup; with --undo it takes it back.', ...blocks].join('\n')
}

/** Paths of images have no colon: the mirror reads a port behind two underscores. */
function inPath(registry: string): string {
  return registry.replace(':', '__')
}

function checkName(registry: string): void {
  if (/^[a-z\d]([a-z\d.-]*[a-z\d])?(:\d{1,5})?$/.test(registry)) return
  throw new DamselflyError('USAGE', `--registry '${registry}': write its name as images have it, such as quay.io or registry.example:5000`)
}

/** Of two entries for one registry only the last counts, so that ours would undo the other. */
function refuseOthers(files: Files, registries: readonly string[]): void {
  const dropIns = files.list(DROP_INS).filter((name) => name.endsWith('.conf') && name !== OURS)
  for (const path of [`${FOLDER}/registries.conf`, ...dropIns.map((name) => `${DROP_INS}/${name}`)]) {
    const file = new TomlFile(path, files.read(path) ?? '')
    const entries = file.value(['registry'])
    for (const entry of Array.isArray(entries) ? (entries as readonly Readonly<Record<string, unknown>>[]) : []) {
      const name = entry['prefix'] ?? entry['location']
      if (registries.some((registry) => registry === name)) {
        throw toolConfigError(`${path}:${file.lineOf(['registry'])}`, `${String(name)} has an entry already: add the mirror there, or name the others by --registry`)
      }
    }
  }
}

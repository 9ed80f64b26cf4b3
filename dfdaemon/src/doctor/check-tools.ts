import { messageOf } from '@damselfly/shared'
import type { Files } from '../setup/files.ts'
import type { InstalledTool } from '../setup/installed-tools.ts'
import { planSetup } from '../setup/plan-setup.ts'
import { DEFAULT_REGISTRIES } from '../setup/registries-conf.ts'
import { fail, ok, warn, type Finding } from './finding.ts'

/** Whether the tools of this machine pull through the mirror. */
export function checkTools(installed: readonly InstalledTool[], files: Files, mirror: string): readonly Finding[] {
  if (installed.length > 0) return installed.map((one) => toolFinding(one, files, mirror))
  return [warn('tools', 'neither containerd, docker, podman nor crio is installed', 'install one, then run dfdaemon setup')]
}

function toolFinding({ tool, record }: InstalledTool, files: Files, mirror: string): Finding {
  const command = `dfdaemon setup ${tool.name}`
  try {
    const plan = planSetup({ tool, files, wish: { mirror, registries: record?.registries ?? DEFAULT_REGISTRIES }, record })
    if (plan.changes.length === 0) return ok(tool.name, `pulls through ${mirror}`)
    const paths = plan.changes.map(({ path }) => path).join(', ')
    return warn(tool.name, `is not set up for ${mirror} (${paths})`, `run ${command}; ${command} --dry-run shows what it would change`)
  } catch (error) {
    return fail(tool.name, messageOf(error), 'correct it at the named place')
  }
}

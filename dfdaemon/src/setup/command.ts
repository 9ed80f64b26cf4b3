import { DamselflyError } from '@damselfly/shared'
import { parseCommandLine } from '@damselfly/shared/command-line'
import { Command } from 'commander'
import { DEFAULT_REGISTRIES } from './registries-conf.ts'
import { toolNamed } from './tools.ts'
import type { Tool } from './tool.ts'

/** What `dfdaemon setup` is asked. */
export interface SetupJob {
  readonly tool: Tool
  readonly registries: readonly string[]
  /** Of the file system that is changed. */
  readonly root: string
  /** Of the daemon; undefined: the usual one. */
  readonly configFile: string | undefined
  readonly dryRun: boolean
  readonly undo: boolean
  readonly restart: boolean
}

interface GivenOptions {
  readonly registry?: string[]
  readonly root: string
  readonly config?: string
  readonly dryRun?: true
  readonly undo?: true
  readonly restart?: true
}

const NOTES = `
Tools: containerd, docker, podman (buildah and skopeo too), crio. Keeps what is there, remembers it in
/var/lib/damselfly/setup, and changes nothing the second time.

  dfdaemon setup containerd --dry-run
  dfdaemon setup podman --registry docker.io --registry registry.example
  dfdaemon setup docker --undo --restart
`

/** @param args what follows `setup` @returns what `--help` would print, if it was asked for @throws DamselflyError USAGE */
export function readSetupCommand(args: readonly string[]): SetupJob | { readonly printed: string } {
  const command = new Command('dfdaemon setup')
    .description('Makes a container tool pull through the mirror of this daemon.')
    .argument('<tool>', 'containerd, docker, podman or crio')
    .option('--registry <name>', `registry that podman and crio pull through the mirror; repeatable (default: ${DEFAULT_REGISTRIES.join(', ')})`, collect)
    .option('--dry-run', 'show what would change, as a diff, and change nothing')
    .option('--undo', 'take back what was set up')
    .option('--restart', 'make the running tool notice, by systemctl; without it nothing is restarted')
    .option('--root <directory>', 'change the files of another root, such as that of an image', '/')
    .option('--config <file>', "the daemon's configuration, which says where the mirror is")
    .addHelpText('after', NOTES.trimEnd())
  const printed = parseCommandLine(command, args)
  if (printed !== undefined) return { printed }
  const { registry, root, config, dryRun, undo, restart } = command.opts<GivenOptions>()
  if (restart === true && root !== '/') throw new DamselflyError('USAGE', '--restart: what is below another root does not run')
  return {
    tool: toolNamed(command.args[0] as string),
    registries: [...new Set(registry ?? DEFAULT_REGISTRIES)],
    root,
    configFile: config,
    dryRun: dryRun === true,
    undo: undo === true,
    restart: restart === true,
  }
}

function collect(value: string, earlier: string[] | undefined): string[] {
  return [...(earlier ?? []), value]
}

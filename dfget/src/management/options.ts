import type { Command } from 'commander'

/** How a sub-command that asks a supernode is to do so. */
export interface ManagementJob {
  readonly json: boolean
  readonly configFile: string | undefined
  readonly flags: ManagementFlags
}

/** Where the supernode's management API is, as the command line says. */
export interface ManagementFlags {
  readonly url: string | undefined
  readonly tokenFile: string | undefined
  readonly token: string | undefined
}

/** What the options of `addManagementOptions` give. */
export interface ManagementOptions {
  readonly management?: string
  readonly tokenFile?: string
  readonly token?: string
  readonly json?: true
  readonly config?: string
}

export function addManagementOptions(command: Command): Command {
  return command
    .option('--management <url>', "base URL of the supernode's management API (default: http://127.0.0.1:65080)")
    .option('--token-file <file>', "file with a token (default: DAMSELFLY_TOKEN, or that of this host's supernode)")
    .option('--token <token>', 'the token itself; others on this host may see it')
    .option('--json', 'one JSON object per line')
    .option('--config <file>', 'configuration of dfget in YAML')
}

export function managementJob({ management, tokenFile, token, json, config }: ManagementOptions): ManagementJob {
  return { json: json === true, configFile: config, flags: { url: management, tokenFile, token } }
}

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
  readonly caFile: string | undefined
  readonly fingerprint: string | undefined
  readonly clientCertificate: string | undefined
  readonly clientKey: string | undefined
}

/** What the options of `addManagementOptions` give. */
export interface ManagementOptions {
  readonly management?: string
  readonly tokenFile?: string
  readonly token?: string
  readonly caFile?: string
  readonly fingerprint?: string
  readonly clientCertificate?: string
  readonly clientKey?: string
  readonly json?: true
  readonly config?: string
}

export function addManagementOptions(command: Command): Command {
  return command
    .option('--management <url>', "base URL of the supernode's management API (default: http://127.0.0.1:65080)")
    .option('--token-file <file>', "file with a token (default: DAMSELFLY_TOKEN, or that of this host's supernode)")
    .option('--token <token>', 'the token itself; others on this host may see it')
    .option('--ca-file <file>', "CA of an https:// URL (default: the system's, and that of this host's supernode)")
    .option('--fingerprint <sha256>', 'trust the certificate with this fingerprint, or what it vouches for')
    .option('--client-certificate <file>', 'show this certificate; a token is optional then')
    .option('--client-key <file>', 'its key')
    .option('--json', 'one JSON object per line')
    .option('--config <file>', 'configuration of dfget in YAML')
}

export function managementJob({ management, json, config, tokenFile, token, caFile, fingerprint, clientCertificate, clientKey }: ManagementOptions): ManagementJob {
  return { json: json === true, configFile: config, flags: { url: management, tokenFile, token, caFile, fingerprint, clientCertificate, clientKey } }
}

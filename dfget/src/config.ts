import { byteRate, duration, loadConfig, printConfig, readConfigFile, secret, type ConfigFile } from '@damselfly/shared/config'
import { LOG_LEVELS } from '@damselfly/shared/logging'
import { sourceSettings } from '@damselfly/dfdaemon/settings'
import * as z from 'zod'
import type { SettingsInput } from './load-settings.ts'
import { DEFAULT_SETTINGS, type Settings } from './settings.ts'

const usual = DEFAULT_SETTINGS
const texts = (): z.ZodArray<z.ZodString> => z.array(z.string().min(1))

/** Every setting of dfget. */
export const dfgetConfigSchema = z.strictObject({
  supernodes: texts()
    .default([...usual.supernodes])
    .meta({ flag: '--supernode', description: 'Supernodes in order of preference: `HOST:PORT` or `PEERID@HOST:PORT`, IPv6 in brackets' }),
  joinToken: secret().optional().describe('Token that opens the network of a supernode, without dfdaemon; goes before `joinTokenFile`'),
  joinTokenFile: z
    .string()
    .min(1)
    .optional()
    .meta({ flag: '--join-token-file', description: 'File with such a token' }),
  daemon: z.boolean().default(usual.daemon).meta({ flag: '--no-daemon', description: 'Whether a running dfdaemon is used' }),
  socket: z
    .string()
    .min(1)
    .optional()
    .meta({ flag: '--socket', description: "dfdaemon's unix socket; default: the user's own daemon, then the system's" }),
  dataDir: z
    .string()
    .min(1)
    .optional()
    .meta({ flag: '--data-dir', description: 'Where unfinished downloads are kept without dfdaemon; default: ~/.cache/damselfly/dfget' }),
  tag: z.string().default(usual.tag).meta({ flag: '--tag', description: 'Keeps contents of equal URLs apart' }),
  application: z.string().default(usual.application).meta({ flag: '--application', description: 'Likewise, by application' }),
  filter: texts()
    .default([...usual.filter])
    .meta({ flag: '--filter', description: 'Query parameters that do not change the content, such as signatures' }),
  timeout: duration().default(usual.timeout).meta({ flag: '--timeout', description: 'The longest that a download may take; 0: no limit' }),
  limitRate: byteRate().default(usual.limitRate).meta({ flag: '--limit-rate', description: 'The most that a download takes; 0: no limit' }),
  limitUpload: byteRate()
    .default(usual.limitUpload)
    .meta({ flag: '--limit-upload', description: 'The most that is sent to other peers, without dfdaemon; 0: no limit' }),
  background: z
    .boolean()
    .default(usual.background)
    .meta({ flag: '--background', description: 'Whether the download yields to others wherever a rate is limited' }),
  backToSource: z
    .boolean()
    .default(usual.backToSource)
    .meta({ flag: '--no-back-to-source', description: 'Whether the origin itself may be used' }),
  progress: z.boolean().default(usual.progress).meta({ flag: '--no-progress', description: 'Whether a terminal gets a progress bar' }),
  security: z
    .enum(['plain', 'auto', 'tls', 'noise'])
    .default(usual.security)
    .describe(
      'The least that lanes must have, without dfdaemon: `auto` TLS between machines, plain TCP with tickets within one; ' +
        '`tls` encryption everywhere; `plain` plain TCP everywhere; `noise` only libp2p',
    ),
  parallelRanges: z.number().int().min(1).max(64).default(usual.parallelRanges).describe('Connections to an origin, without dfdaemon'),
  origins: z
    .strictObject({
      allow: texts()
        .default([...usual.origins.allow])
        .describe('Hosts, addresses and networks at private addresses that the requested host may redirect to, without dfdaemon'),
      insecure: texts()
        .default([...usual.origins.insecure])
        .describe('Hosts of origins whose TLS certificate is not verified, without dfdaemon'),
      ...sourceSettings,
    })
    .prefault({}),
  management: z
    .strictObject({
      url: z
        .url({ protocol: /^https?$/, error: 'expected an http:// or https:// URL' })
        .default(usual.management.url)
        .meta({ flag: '--management', description: "Base URL of the supernode's management API, which `dfget explain` and others ask" }),
      tokenFile: z
        .string()
        .min(1)
        .optional()
        .meta({
          flag: '--token-file',
          description:
            'File with a token for it; default: that of a supernode of the same user on this host, then ' +
            '`/var/lib/damselfly/supernode/admin-token`. `DAMSELFLY_TOKEN` goes before it',
        }),
      tokenCommand: z
        .string()
        .min(1)
        .optional()
        .describe('Command for `/bin/sh` that prints a token, such as one of an OIDC issuer; goes before `tokenFile`'),
      caFile: z
        .string()
        .min(1)
        .optional()
        .meta({ flag: '--ca-file', description: "File with the CA of an `https://` URL (PEM); default: the system's, and that of a supernode on this host" }),
      fingerprint: z
        .string()
        .regex(/^(?:sha256:)?(?:[0-9a-f]{2}:?){32}$/i, { error: 'expected SHA-256 in hexadecimal, as the log of the supernode shows it' })
        .optional()
        .meta({ flag: '--fingerprint', description: 'SHA-256 of its certificate, or of a CA that it shows with it; counts instead of a CA' }),
      clientCertificate: z.string().min(1).optional().meta({ flag: '--client-certificate', description: 'File with a certificate to show (PEM); a token is optional then' }),
      clientKey: z.string().min(1).optional().meta({ flag: '--client-key', description: 'File with its key (PEM)' }),
    })
    .refine(({ clientCertificate, clientKey }) => (clientCertificate === undefined) === (clientKey === undefined), {
      path: ['clientKey'],
      error: 'expected with `clientCertificate`, and with it only',
    })
    .prefault({}),
  log: z
    .strictObject({ level: z.enum(LOG_LEVELS).default(usual.log.level).describe("The least severe kind of the embedded peer's lines that are logged to standard error") })
    .prefault({}),
}) satisfies z.ZodType<Settings>

/** @throws DamselflyError CONFIG_INVALID */
export async function readSettings({ configFile, flags, env }: SettingsInput): Promise<Settings> {
  const file: ConfigFile | undefined = configFile === undefined ? undefined : await readConfigFile(configFile)
  return loadConfig({ schema: dfgetConfigSchema, program: 'dfget', file, env, flags: { ...flags } })
}

/** The settings in force, as YAML. */
export function printSettings(settings: Settings): string {
  return printConfig(dfgetConfigSchema, settings as z.output<typeof dfgetConfigSchema>)
}

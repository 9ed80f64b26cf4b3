import * as z from 'zod'
import { CIPHERS, scrubSettings, SECURITY_POLICIES, spaceSettings } from '@damselfly/exchange'
import { fileSettings, sourceSettings, storageSettings } from '@damselfly/cdn'
import { byteRate, duration } from '@damselfly/shared/config'
import { LOG_LEVELS } from '@damselfly/shared/logging'
import { admissionSettings } from './admission-config.ts'
import { freshnessSettings, originSettings } from './cdn-config.ts'
import { address, LOOPBACK, port } from './listening.ts'
import { limitSettings } from './limit-settings.ts'
import { managementSettings } from './management-config.ts'
import { schedulerConfigSchema } from './scheduler-config.ts'

/** Every setting of the supernode. */
export const supernodeConfigSchema = z.strictObject({
  dataDir: z
    .string()
    .min(1)
    .optional()
    .meta({
      flag: '--data-dir',
      description:
        'Where identity, admin token and content are kept; `/var/lib/damselfly/supernode` for root, ' +
        '`damselfly/supernode` in `$XDG_DATA_HOME` or `~/.local/share` for others',
    }),
  listen: z
    .strictObject({
      addresses: z
        .array(address())
        .min(1)
        .default(LOOPBACK)
        .meta({ flag: '--listen', description: 'Addresses for peers; `::` means every address, IPv4 and IPv6' }),
      directPort: port().default(65_000).describe('TCP port of direct channels (TLS 1.3); 0: any free one'),
      libp2pPort: port().default(65_010).describe('TCP port of libp2p channels (Noise); 0: any free one'),
      plainPort: port().default(65_020).describe('TCP port of plain lanes; 0: any free one. Listened on at loopback with `security: auto`, everywhere with `plain`'),
    })
    .prefault({}),
  advertise: z
    .array(z.string().min(1))
    .default([])
    .describe("Addresses or names under which peers reach this supernode; none: those that it listens on, or all of the machine's"),
  security: z
    .enum(SECURITY_POLICIES)
    .default('auto')
    .describe(
      'The least that lanes must have: `auto` TLS between machines, plain TCP with tickets within one; `tls` encryption everywhere; ' +
        '`plain` plain TCP everywhere; `noise` only libp2p',
    ),
  ciphers: z
    .array(z.enum(CIPHERS))
    .min(1)
    .default([...CIPHERS])
    .describe('Ciphers that encrypted channels may use; the cheapest for this machine is taken. Noise has `chacha20-poly1305` alone'),
  network: z
    .strictObject({
      security: z
        .enum(SECURITY_POLICIES)
        .default('plain')
        .describe('The least that lanes of every peer must have, whatever its own `security` says; `plain`: each peer decides for itself'),
      ciphers: z.array(z.enum(CIPHERS)).min(1).default([...CIPHERS]).describe('Ciphers that encrypted channels of every peer may use'),
    })
    .prefault({}),
  management: managementSettings.prefault({}),
  admission: admissionSettings.prefault({}),
  origins: z
    .strictObject({
      allow: z
        .array(z.string().min(1))
        .default([])
        .describe('Hosts, `*.domain`, addresses and networks of origins that may be at private addresses'),
      private: z
        .enum(['auto', 'allow', 'deny'])
        .default('auto')
        .describe('Whether origins may be at private addresses; `auto`: only while peers can come from this machine alone'),
      insecure: z
        .array(z.string().min(1))
        .default([])
        .describe('Hosts of origins whose TLS certificate is not verified'),
      ...sourceSettings,
      ...fileSettings,
    })
    .prefault({}),
  limits: limitSettings,
  store: spaceSettings,
  cdn: z
    .strictObject({
      mode: z
        .enum(['cache', 'passthrough'])
        .default('cache')
        .describe(
          '`cache`: the supernode fetches each content once and keeps it; `passthrough`: it keeps nothing, and each peer fetches some of the pieces from the origin ' +
            'and gives them to the others, where the origin serves ranges and tells length and version (others are cached all the same)',
        ),
      connections: z
        .number()
        .int()
        .min(1)
        .max(16)
        .default(4)
        .describe('Connections at once that one content comes over; more than one only where the origin serves ranges and it gets faster'),
      uploadSlots: z.number().int().min(1).max(1024).default(16).describe('Pieces that the CDN sends at once'),
      storage: storageSettings.prefault({}),
      scrub: scrubSettings,
      sources: z
        .array(z.string().min(1))
        .default([])
        .describe(
          'Modules with source clients of your own: paths that begin with `./`, `../` or `/`, relative to the configuration file, or names of ' +
            'packages that are installed there',
        ),
      uploadRate: byteRate().default(0).describe('What the CDN sends to all peers together; 0: no limit'),
      freshness: freshnessSettings,
      origins: originSettings,
    })
    .prefault({}),
  preheat: z
    .strictObject({
      jobsAtOnce: z.number().int().min(1).max(64).default(4).describe('Preheats that are carried out at once; others wait'),
      contentsAtOnce: z.number().int().min(1).max(64).default(4).describe('Contents that are fetched at once for one preheat'),
      keepFor: duration().default(7 * 24 * 3_600_000).describe('How long a preheat that is over is remembered'),
    })
    .prefault({}),
  scheduler: schedulerConfigSchema.prefault({}),
  trust: z
    .strictObject({
      announceQuorum: z
        .number()
        .int()
        .min(1)
        .default(2)
        .describe('Peers that must vouch for the same digest before it is trusted without a signed manifest'),
    })
    .prefault({}),
  log: z
    .strictObject({ level: z.enum(LOG_LEVELS).default('info').describe('The least severe kind of line that is logged') })
    .prefault({}),
})

type WrittenConfig = z.output<typeof supernodeConfigSchema>

/** The configuration in force. */
export type SupernodeConfig = WrittenConfig & { readonly dataDir: string }

/** @param defaultDataDir used where none is configured */
export function completeConfig(written: WrittenConfig, defaultDataDir: string): SupernodeConfig {
  const { dataDir = defaultDataDir, ...rest } = written
  return { dataDir, ...rest }
}

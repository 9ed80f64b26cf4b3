import { isIP } from 'node:net'
import { CIPHERS, connectionSettings, SECURITY_POLICIES, parseSupernodeAddress, spaceSettings } from '@damselfly/exchange'
import { sourceSettings } from '@damselfly/cdn'
import { messageOf } from '@damselfly/shared'
import { byteRate, duration, secret } from '@damselfly/shared/config'
import { LOG_LEVELS } from '@damselfly/shared/logging'
import * as z from 'zod'
import { defaultDataDir } from './directories.ts'
import { proxySection } from './proxy-section.ts'

const port = (): z.ZodNumber => z.number().int().min(0).max(65_535)
const address = (): z.ZodString => z.string().refine((text) => isIP(text) !== 0, { error: 'expected an IP address' })
const hosts = () => z.array(z.string().min(1)).default([])

/** `HOST:PORT`, with `PEERID@` before it where the supernode's identity is pinned. */
const supernode = (): z.ZodString =>
  z.string().superRefine((text, context) => {
    try {
      parseSupernodeAddress(text)
    } catch (error) {
      context.addIssue({ code: 'custom', message: messageOf(error) })
    }
  })

/** Every setting of the daemon. */
export const daemonConfigSchema = z.strictObject({
  supernodes: z
    .array(supernode())
    .default([])
    .meta({
      flag: '--supernode',
      description: 'Supernodes in order of preference: `HOST:PORT` or `PEERID@HOST:PORT`, IPv6 in brackets; none: downloads come from origins',
    }),
  joinToken: secret()
    .optional()
    .describe("Token that opens the network of a supernode that does not know this peer; goes before `joinTokenFile`"),
  joinTokenFile: z
    .string()
    .min(1)
    .optional()
    .meta({ flag: '--join-token-file', description: 'File with such a token; read for each connection, and not needed any more once the peer was admitted' }),
  dataDir: z
    .string()
    .min(1)
    .default(() => defaultDataDir(process.env, process.geteuid?.() === 0))
    .meta({
      flag: '--data-dir',
      description: 'Where identity and content are kept; nothing is written elsewhere',
      defaultText: '`/var/lib/damselfly/dfdaemon` for root, `damselfly/dfdaemon` in `$XDG_DATA_HOME` or `~/.local/share` for others',
    }),
  listen: z
    .strictObject({
      addresses: z
        .array(address())
        .default([])
        .meta({
          flag: '--listen',
          description: 'Addresses for other peers; `::` means every address. None: loopback while all supernodes are there, else every address',
        }),
      directPort: port().default(65_002).describe('TCP port of direct channels (TLS 1.3); 0: any free one'),
      libp2pPort: port().default(65_003).describe('TCP port of libp2p channels (Noise); 0: any free one'),
      plainPort: port().default(65_004).describe('TCP port of plain lanes; 0: any free one. Listened on at loopback with `security: auto`, everywhere with `plain`'),
    })
    .prefault({}),
  advertise: hosts().describe('Addresses or names under which other peers reach this one; none: those that it listens on'),
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
  location: z
    .strictObject({
      location: z.string().default('').describe('Where this host is, such as a site or a region; near peers are preferred'),
      zone: z.string().default('').describe('The zone within the location'),
      rack: z.string().default('').describe('The rack within the zone'),
    })
    .prefault({}),
  limits: z.strictObject(connectionSettings).prefault({}),
  uploadSlots: z.number().int().min(1).max(1024).default(8).describe('Pieces that are sent to other peers at once'),
  parallelRanges: z.number().int().min(1).max(64).default(4).describe('Connections to an origin for one content'),
  store: spaceSettings,
  preheat: z.boolean().default(true).describe('Whether contents are downloaded, in the background, when the supernode asks for it before anybody wants them'),
  freshFor: duration().default(5_000).describe('How long a whole content is handed out without asking its origin whether it has changed; 0: each download asks'),
  rates: z
    .strictObject({
      upload: byteRate().default(0).describe('The most that all uploads take together; 0: no limit'),
      download: byteRate().default(0).describe('The most that all downloads take together; 0: no limit'),
      origin: byteRate().default(0).describe('The most that is downloaded from origins, back-to-source; 0: no limit'),
      taskUpload: byteRate().default(0).describe('The most that uploads of one task take; 0: no limit'),
      taskDownload: byteRate().default(0).describe('The most that the download of one task takes; 0: no limit'),
      peerUpload: byteRate().default(0).describe('The most that one other peer gets; 0: no limit'),
      peerDownload: byteRate().default(0).describe('The most that is taken from one other peer; 0: no limit'),
    })
    .prefault({}),
  origins: z
    .strictObject({
      allow: hosts().describe('Hosts, `*.domain`, addresses and networks of origins that may be at private addresses'),
      private: z
        .enum(['requested', 'allow', 'deny'])
        .default('requested')
        .describe('Whether origins may be at private addresses: `requested`: the host that a caller names, but nothing that it redirects to'),
      insecure: hosts().describe('Hosts of origins whose TLS certificate is not verified'),
      ...sourceSettings,
    })
    .prefault({}),
  api: z
    .strictObject({
      socket: z
        .string()
        .min(1)
        .optional()
        .meta({
          flag: '--socket',
          description: "The local API's unix socket; default: /run/damselfly for root, else $XDG_RUNTIME_DIR/damselfly, else the data directory",
        }),
      group: z.string().min(1).optional().describe('The group that may use the local API, by name or number; default: the group of the process'),
      maxConnections: z.number().int().min(1).max(65_535).default(8192).describe('Callers of the local API that may be connected at once'),
    })
    .prefault({}),
  mirror: z
    .strictObject({
      enabled: z.boolean().default(true).describe('Whether container tools can pull from registries through this daemon'),
      address: address().default('127.0.0.1').describe('Address at which container tools reach the mirror'),
      port: port().default(65_001).describe('TCP port of the mirror; 0: any free one'),
      defaultRegistry: z.string().min(1).default('docker.io').describe('The registry of requests that name none, as those of docker do'),
      tagMemory: duration().default(5_000).describe("How long a registry's word counts on what a tag means; 0: each request asks"),
      staleIfError: duration()
        .default(0)
        .describe("How long a registry's word on tags and on who may pull counts while it fails (unreachable or 5xx); 0: not at all"),
      accessMemory: duration().default(300_000).describe('How long somebody whom a registry let in to a repository counts as let in'),
      maxConnections: z.number().int().min(1).max(65_535).default(1024).describe('Clients of the mirror that may be connected at once'),
      readAhead: z.number().int().min(0).max(16).default(2).describe('Layers of an image that are fetched ahead of the one that a client takes; 0: none'),
      stallTimeout: duration().default(10_000).describe('How long the swarm, or a registry, may bring nothing of a content before the other one is asked'),
    })
    .prefault({}),
  proxy: proxySection.prefault({}),
  stopGrace: duration().default(10_000).describe('How long uploads may go on when the daemon is stopped'),
  log: z
    .strictObject({
      level: z.enum(LOG_LEVELS).default('info').meta({ flag: '--log-level', description: 'The least severe kind of line that is logged' }),
    })
    .prefault({}),
})

export type DaemonConfig = z.output<typeof daemonConfigSchema>

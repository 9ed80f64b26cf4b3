import type { EmbeddedPeerOptions } from '@damselfly/dfdaemon/embedded'

/** What dfget can be configured with, by file, environment or flags; `config.ts` holds the schema. */
export interface Settings {
  readonly supernodes: readonly string[]
  /** Opens the network of a supernode that does not know the embedded peer; goes before the file. */
  readonly joinToken?: { reveal(): string } | undefined
  readonly joinTokenFile?: string | undefined
  /** Whether a running dfdaemon is used. */
  readonly daemon: boolean
  /** Undefined: the usual places. */
  readonly socket?: string | undefined
  /** Undefined: below the user's cache directory. */
  readonly dataDir?: string | undefined
  readonly tag: string
  readonly application: string
  readonly filter: readonly string[]
  /** Milliseconds; 0: none. */
  readonly timeout: number
  /** Bytes per second; 0: none. */
  readonly limitRate: number
  /** Likewise, of the embedded peer. */
  readonly limitUpload: number
  /** Whether the download yields to others. */
  readonly background: boolean
  readonly backToSource: boolean
  readonly progress: boolean
  readonly security: 'plain' | 'auto' | 'tls' | 'noise'
  readonly parallelRanges: number
  readonly origins: EmbeddedPeerOptions['origins']
  /** The supernode's management API, for what people ask of a supernode. */
  readonly management: ManagementSettings
  readonly log: { readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent' }
}

export interface ManagementSettings {
  readonly url: string
  readonly tokenFile?: string | undefined
  readonly tokenCommand?: string | undefined
  readonly caFile?: string | undefined
  readonly fingerprint?: string | undefined
  readonly clientCertificate?: string | undefined
  readonly clientKey?: string | undefined
}

/** The schema takes its defaults from here, so that a start without any configuration need not load it. */
export const DEFAULT_SETTINGS: Settings = {
  supernodes: [],
  daemon: true,
  tag: '',
  application: '',
  filter: [],
  timeout: 0,
  limitRate: 0,
  limitUpload: 0,
  background: false,
  backToSource: true,
  progress: true,
  security: 'auto',
  parallelRanges: 4,
  origins: { allow: [], insecure: [], s3: [], registries: [] },
  management: { url: 'http://127.0.0.1:65080' },
  log: { level: 'silent' },
}

/** Settings from the command line; texts with a unit are not converted yet. */
export interface SettingFlags {
  readonly supernodes?: readonly string[] | undefined
  readonly joinTokenFile?: string | undefined
  readonly daemon?: boolean | undefined
  readonly socket?: string | undefined
  readonly dataDir?: string | undefined
  readonly tag?: string | undefined
  readonly application?: string | undefined
  readonly filter?: readonly string[] | undefined
  readonly timeout?: string | undefined
  readonly limitRate?: string | undefined
  readonly limitUpload?: string | undefined
  readonly background?: boolean | undefined
  readonly backToSource?: boolean | undefined
  readonly progress?: boolean | undefined
  readonly management?: { readonly [Name in keyof ManagementSettings]?: string | undefined } | undefined
}

import { createSources, type RegistrySettings, type S3Bucket } from '@damselfly/cdn'
import { ANY_PORTS, NO_SPACE_LIMITS, type JoinTokenPlace, type SecurityPolicy } from '@damselfly/exchange'
import type { Clock } from '@damselfly/shared'
import type { Logger } from '@damselfly/shared/logging'
import { peerListen, supernodeAddresses } from './config/peer-settings.ts'
import { NO_RATES } from './peer/host-rates.ts'
import { createPeer } from './peer/local-peer.ts'
import type { Peer } from './peer/peer.ts'

/** Enough for a peer that lives as long as one download. */
const UPLOAD_SLOTS = 8

export interface EmbeddedPeerOptions {
  /** An absolute path; for this peer alone. */
  readonly dataDir: string
  /** `HOST:PORT` or `PEERID@HOST:PORT`; empty: downloads come from origins. */
  readonly supernodes: readonly string[]
  readonly joinToken?: JoinTokenPlace | undefined
  readonly security: SecurityPolicy
  readonly parallelRanges: number
  /** The most that it sends to other peers; bytes per second, 0: no limit. */
  readonly uploadRate: number
  readonly origins: {
    /** Origins besides the requested host that may be at private addresses. */
    readonly allow: readonly string[]
    /** Hosts whose TLS certificate is not verified. */
    readonly insecure: readonly string[]
    /** Buckets that it may fetch from itself. */
    readonly s3: readonly S3Bucket[]
    /** Registries that want a login or have no TLS. */
    readonly registries: readonly RegistrySettings[]
    readonly dockerConfig?: string | undefined
  }
  readonly version: string
  readonly clock: Clock
  readonly logger: Logger
}

/**
 * A peer inside a program that a person runs: it may fetch from wherever the person could,
 * and serves other peers on any free port while it lives.
 *
 * @throws DamselflyError CONFIG_INVALID when a supernode or an origin rule cannot be read
 */
export function createEmbeddedPeer(options: EmbeddedPeerOptions): Peer {
  const { supernodes, security, origins, version } = options
  const policy = { allow: origins.allow, trustRequestedHost: true }
  const { insecure, s3, registries, dockerConfig } = origins
  const http = { policy, insecure, userAgent: `damselfly/${version}` }
  return createPeer({
    dataDir: options.dataDir,
    supernodes: supernodeAddresses(supernodes),
    joinToken: options.joinToken,
    listen: peerListen({ listen: { addresses: [], ...ANY_PORTS }, supernodes: [...supernodes], security }),
    advertise: [],
    security,
    location: { location: '', zone: '', rack: '' },
    uploadSlots: UPLOAD_SLOTS,
    rates: { ...NO_RATES, upload: options.uploadRate },
    parallelRanges: options.parallelRanges,
    // Its store is gone before anybody could ask a second time.
    freshForMs: 0,
    // For one download, which says itself when the disk is full.
    space: NO_SPACE_LIMITS,
    preheat: false,
    source: createSources({ http, s3, registries, dockerConfig, files: [], othersMayLogIn: supernodes.length > 0, clock: options.clock }),
    version,
    clock: options.clock,
    logger: options.logger,
  })
}

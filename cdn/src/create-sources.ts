import type { Clock } from '@damselfly/shared'
import { createHttpSource, type HttpSourceInit } from './http/http-source.ts'
import { lazySource } from './lazy-source.ts'
import type { RegistryOptions } from './oci/registry-settings.ts'
import type { S3Bucket } from './s3/s3-bucket-settings.ts'
import type { SourceClient } from './source-client.ts'
import { createSourceRegistry } from './source-registry.ts'

export interface SourcesInit {
  readonly http: HttpSourceInit
  /** None: `s3:` URLs are for others. */
  readonly s3: readonly S3Bucket[]
  /** Registries that need more than their name; any other is asked anonymously. */
  readonly registries: readonly RegistryOptions[]
  /** Docker's `config.json`, whose logins are used besides. @default none */
  readonly dockerConfig?: string | undefined
  /** Folders below which files may be read; none: `file:` URLs are for others. */
  readonly files: readonly string[]
  /** Whether somebody else may have a login that is missing here. */
  readonly othersMayLogIn: boolean
  /** Clients of somebody's own; closed with the rest. @default [] */
  readonly own?: readonly SourceClient[] | undefined
  readonly clock: Clock
}

/**
 * One source client for all kinds of origins that a program is configured to reach. Closing it closes all.
 *
 * @param http the client of web servers, made of `init.http`
 * @throws DamselflyError CONFIG_INVALID when a rule of the policy cannot be read, or a client of somebody's own serves a scheme that is served already
 */
export function createSources(init: SourcesInit, http: SourceClient = createHttpSource({ ...init.http, clock: init.clock })): SourceClient {
  const { s3, files, own = [], clock } = init
  const clients = [http, lazySource(['oci:'], () => loadOci(init, http)), ...own]
  if (s3.length > 0) clients.push(lazySource(['s3:'], () => loadS3(s3, clock)))
  if (files.length > 0) clients.push(lazySource(['file:'], () => loadFiles(files)))
  return createSourceRegistry(clients)
}

async function loadOci(init: SourcesInit, http: SourceClient): Promise<SourceClient> {
  const { createOciSource } = await import('./oci/oci-source.ts')
  const { createRegistryAccess } = await import('./oci/create-registry-access.ts')
  return createOciSource({ access: createRegistryAccess(init, http), othersMayLogIn: init.othersMayLogIn })
}

async function loadS3(buckets: readonly S3Bucket[], clock: Clock): Promise<SourceClient> {
  const { createS3Source } = await import('./s3/s3-source.ts')
  return createS3Source({ buckets, clock })
}

async function loadFiles(roots: readonly string[]): Promise<SourceClient> {
  const { createFileSource } = await import('./file/file-source.ts')
  return createFileSource({ roots })
}

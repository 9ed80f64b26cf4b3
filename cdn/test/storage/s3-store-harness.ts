import { CreateBucketCommand } from '@aws-sdk/client-s3'
import type { PieceStore } from '@damselfly/exchange'
import type { PieceStoreHarness } from '@damselfly/exchange/testing/piece-store'
import { writingHere } from '@damselfly/exchange/store-parts'
import { systemClock } from '@damselfly/shared'
import { Secret } from '@damselfly/shared/config'
import { silentLogger } from '@damselfly/shared/logging'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createS3Client, type S3Access, type S3Limits } from '../../src/s3/index.ts'
import { createS3PieceStore, type S3PieceStoreInit } from '../../src/storage/s3/s3-piece-store.ts'
import type { S3Server } from '../../src/testing/s3-server/s3-server.ts'

const MIB = 1024 * 1024

/** Access to a server of the tests. */
export function accessTo(server: S3Server, change: Partial<S3Access> = {}): S3Access {
  const { endpoint, region, accessKeyId, secretAccessKey } = server
  return { endpoint, region, accessKeyId, secretAccessKey: new Secret(secretAccessKey), machineCredentials: false, ...change }
}

export const BUCKET = 'contents'

/** Supernodes' stores in a part of a bucket of their own. */
export class SharedBucket implements PieceStoreHarness {
  static #count = 0
  readonly server: S3Server
  readonly prefix: string
  readonly #folder: string
  #stores = 0

  /** Once for each server. */
  static async createBucket(server: S3Server): Promise<void> {
    await server.client.send(new CreateBucketCommand({ Bucket: BUCKET }))
  }

  static async create(server: S3Server): Promise<SharedBucket> {
    const prefix = `cache-${SharedBucket.#count++}/`
    return new SharedBucket(server, prefix, await mkdtemp(join(tmpdir(), 'damselfly-s3-store-')))
  }

  private constructor(server: S3Server, prefix: string, folder: string) {
    this.server = server
    this.prefix = prefix
    this.#folder = folder
  }

  /** One that is not started. */
  store(change: Partial<S3PieceStoreInit> = {}, access: Partial<S3Access> = {}, limits: Partial<S3Limits> = {}): PieceStore {
    return createS3PieceStore({
      createClient: () => createS3Client(accessTo(this.server, access), limits),
      bucket: BUCKET,
      prefix: this.prefix,
      memory: 64 * MIB,
      spoolFile: join(this.#folder, `spool-${this.#stores++}`),
      createWriting: writingHere,
      startPatienceMs: 60_000,
      clock: systemClock,
      logger: silentLogger(),
      ...change,
    })
  }

  async start(): Promise<PieceStore> {
    const store = this.store()
    await store.start()
    return store
  }

  async dispose(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true })
  }
}

import {
  DeleteObjectCommand,
  GetObjectCommand,
  type GetObjectCommandOutput,
  ListObjectsV2Command,
  PutObjectCommand,
  type PutObjectCommandInput,
  type S3Client,
} from '@aws-sdk/client-s3'
import { giveBack } from '@damselfly/exchange/store-parts'
import { DamselflyError, pause, type Clock, type Sha256 } from '@damselfly/shared'
import { isTransientOriginError } from '../../transience.ts'
import { s3Error } from '../../s3/index.ts'
import { isBeingWritten, isNoSuchObject, isNotImplemented, isThere, storageError } from './storage-error.ts'

/** Tries of one request that fails in passing. */
const ATTEMPTS = 4

/** Before the second try; doubled before each later one; milliseconds. */
const FIRST_PAUSE_MS = 200

export interface S3BucketInit {
  /** Whoever creates it destroys it after the last use. */
  readonly client: S3Client
  readonly bucket: string
  /** Of the keys of all objects. */
  readonly prefix: string
  readonly clock: Clock
  /** Ends what is under way. */
  readonly signal: AbortSignal
}

/** One object as a listing tells it. */
export interface ListedObject {
  /** Without the prefix. */
  readonly key: string
  /** Bytes. */
  readonly size: number
  /** Changes with the bytes. */
  readonly etag: string
}

export interface PutOptions {
  /** Of the body; the server compares it. */
  readonly sha256?: Sha256
  /** Nothing is written if there is such an object, where the server can do that. @default false */
  readonly ifAbsent?: boolean
  /** In place of the bucket's own. */
  readonly signal?: AbortSignal
}

/** A part of a bucket. All methods throw DamselflyError STORAGE_DENIED, STORAGE_MISSING, STORAGE_FAILED, or the signal's reason. */
export class S3Bucket {
  readonly #init: S3BucketInit
  #hasConditions = true

  constructor(init: S3BucketInit) {
    this.#init = init
  }

  /**
   * @param maxBytes of an object; a larger one is an error
   * @returns undefined when there is no such object
   */
  get(key: string, maxBytes: number): Promise<Buffer | undefined> {
    return this.#read(key, async ({ Body, ContentLength = maxBytes }) => {
      const target = Buffer.allocUnsafeSlow(Math.min(ContentLength, maxBytes))
      return target.subarray(0, await pour(Body as AsyncIterable<Uint8Array>, target, this.#shown(key)))
    })
  }

  /**
   * @param target that the object must fit into
   * @returns its length; undefined when there is no such object
   */
  getInto(key: string, target: Buffer): Promise<number | undefined> {
    return this.#read(key, ({ Body }) => pour(Body as AsyncIterable<Uint8Array>, target, this.#shown(key)))
  }

  /** @returns whether the server has read all of `body`, and it was sent only once; else a connection may still have it */
  async put(key: string, body: Uint8Array, { sha256, ifAbsent = false, signal }: PutOptions = {}): Promise<boolean> {
    const input: PutObjectCommandInput = { ...this.#object(key), Body: body, ContentLength: body.length }
    let sent = 0
    return await this.#attempt(
      key,
      async (ending) => {
        const isConditional = ifAbsent && this.#hasConditions
        const command = new PutObjectCommand(isConditional ? { ...input, IfNoneMatch: '*' } : input)
        if (sha256 !== undefined) signWith(command, sha256)
        sent++
        try {
          await this.#init.client.send(command, { abortSignal: ending })
          return sent === 1
        } catch (error) {
          if (isConditional && isThere(error)) return false
          if (!isConditional || !(isNotImplemented(error) || isBeingWritten(error))) throw error
          this.#hasConditions = !isNotImplemented(error)
          // Whoever else writes it writes the same.
          await this.put(key, body, { ...(sha256 === undefined ? {} : { sha256 }), signal: ending })
          return false
        }
      },
      signal,
    )
  }

  /** No error when there is no such object. */
  async delete(key: string): Promise<void> {
    await this.#attempt(key, (signal) => this.#init.client.send(new DeleteObjectCommand(this.#object(key)), { abortSignal: signal }))
  }

  /** Every object whose key begins so, in pages and in the order of the keys. */
  async *list(start: string): AsyncGenerator<readonly ListedObject[]> {
    const { client, bucket, prefix } = this.#init
    for (let token: string | undefined; ; ) {
      const command = new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix + start, ContinuationToken: token })
      const page = await this.#attempt(start, (signal) => client.send(command, { abortSignal: signal }))
      yield (page.Contents ?? []).map(({ Key = '', Size = 0, ETag = '' }) => ({ key: Key.slice(prefix.length), size: Size, etag: ETag }))
      token = page.NextContinuationToken
      if (page.IsTruncated !== true || token === undefined) return
    }
  }

  #read<T>(key: string, take: (answer: GetObjectCommandOutput) => Promise<T>): Promise<T | undefined> {
    return this.#attempt(key, async (signal) => {
      try {
        return await take(await this.#init.client.send(new GetObjectCommand(this.#object(key)), { abortSignal: signal }))
      } catch (error) {
        if (isNoSuchObject(error)) return undefined
        throw error
      }
    })
  }

  #object(key: string): { readonly Bucket: string; readonly Key: string } {
    return { Bucket: this.#init.bucket, Key: this.#init.prefix + key }
  }

  #shown(key: string): string {
    return `s3://${this.#init.bucket}/${this.#init.prefix}${key}`
  }

  async #attempt<T>(key: string, work: (signal: AbortSignal) => Promise<T>, signal = this.#init.signal): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      signal.throwIfAborted()
      try {
        return await work(signal)
      } catch (error) {
        signal.throwIfAborted()
        const shown = this.#shown(key)
        if (attempt === ATTEMPTS || !isTransientOriginError(s3Error(error, shown))) throw storageError(error, shown)
        await pause(this.#init.clock, FIRST_PAUSE_MS * 2 ** (attempt - 1), signal)
      }
    }
  }
}

/** So that the body is not hashed a second time for the signature. */
function signWith(command: PutObjectCommand, sha256: Sha256): void {
  const value = Buffer.from(sha256).toString('hex')
  command.middlewareStack.add(
    (next) => (args) => {
      const { request } = args as { readonly request: { readonly headers: Record<string, string> } }
      request.headers['x-amz-content-sha256'] = value
      return next(args)
    },
    { step: 'build', name: 'knownContentHash' },
  )
}

/** @param shown for messages. @returns how much it was. @throws DamselflyError STORAGE_FAILED when it does not fit */
async function pour(body: AsyncIterable<Uint8Array>, target: Buffer, shown: string): Promise<number> {
  let length = 0
  for await (const chunk of body) {
    if (length + chunk.length > target.length) throw new DamselflyError('STORAGE_FAILED', `${shown} has more than the ${target.length} bytes that it may have`)
    target.set(chunk, length)
    length += chunk.length
    // Else it would lie there, with many others, until the collector runs.
    if (chunk.byteLength === chunk.buffer.byteLength) giveBack(chunk)
  }
  return length
}

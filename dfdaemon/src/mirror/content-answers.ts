import { DamselflyError, digestsEqual, formatDigest, messageOf, sha256 } from '@damselfly/shared'
import type { Logger } from '@damselfly/shared/logging'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { BACK_TO_SOURCE_HEADER } from '../api/protocol.ts'
import { firstByteOf } from '../http/range.ts'
import { whileConnected } from '../http/while-connected.ts'
import { etagOf, sendBlob, wantedPart } from './blob-answer.ts'
import { mediaTypeOf } from './media-type.ts'
import { ContentOpener, type ContentOpenerInit, type OpenedContent, type WantedContent } from './opened-content.ts'
import { ReadAhead } from './read-ahead.ts'

/** A manifest that is larger is none; bytes, as registries have it. */
const MAX_MANIFEST_BYTES = 4 * 1024 * 1024

/** Where a content is, and by which digest. */
export interface NamedContent extends Omit<WantedContent, 'headers'> {
  /** With what its registry let the client in; undefined: nothing. */
  readonly authorization: string | undefined
}

export interface ContentAnswersInit extends ContentOpenerInit {
  /** How many layers behind the one that a client takes are fetched meanwhile. */
  readonly readAhead: number
}

/** Answers with contents, wherever they come from. */
export class ContentAnswers {
  readonly #opener: ContentOpener
  readonly #readAhead: ReadAhead
  readonly #logger: Logger

  constructor(init: ContentAnswersInit) {
    this.#opener = new ContentOpener(init)
    this.#readAhead = new ReadAhead({ ...init, layers: init.readAhead })
    this.#logger = init.logger
  }

  /**
   * Streams a blob while it comes.
   *
   * @param contentLength bytes, where it is known; what a suffix means cannot be told without
   * @returns false, with nothing answered, when the registry is to say why it cannot be had
   */
  async blob(wanted: NamedContent, contentLength: number | undefined, request: FastifyRequest, reply: FastifyReply): Promise<boolean> {
    const part = wantedPart(request.headers, wanted.digest)
    const content = await this.#open(wanted, firstByteOf(part, contentLength), reply)
    if (content === undefined) return false
    this.#closeWith(reply, content)
    // Who takes parts may take them of all layers at once.
    if (part === undefined) setImmediate(() => this.#follow(wanted, content, reply))
    await sendBlob(reply, wanted.digest, content, part)
    return true
  }

  /**
   * @param contentType what the registry called it; undefined: what it says itself
   * @returns false, with nothing answered, when the registry is to say why it cannot be had
   * @throws DamselflyError DIGEST_MISMATCH when the registry has another one under this digest
   */
  async manifest(wanted: NamedContent, contentType: string | undefined, reply: FastifyReply): Promise<boolean> {
    const content = await this.#open(wanted, 0, reply)
    if (content === undefined) return false
    this.#closeWith(reply, content)
    if (content.contentLength > MAX_MANIFEST_BYTES) return false
    const bytes = await wholeOf(content)
    if (!digestsEqual(sha256(bytes), wanted.digest)) {
      throw new DamselflyError('DIGEST_MISMATCH', `${wanted.url} has ${formatDigest(sha256(bytes))}`)
    }
    this.#readAhead.learn(wanted, bytes)
    const type = contentType ?? mediaTypeOf(bytes)
    if (type === undefined) return false
    const reason = content.reason()
    if (reason !== undefined) void reply.header(BACK_TO_SOURCE_HEADER, reason)
    await reply.headers({ 'docker-content-digest': formatDigest(wanted.digest), etag: etagOf(wanted.digest) }).type(type).send(bytes)
    return true
  }

  stop(): void {
    this.#readAhead.stop()
  }

  #follow(wanted: NamedContent, { wasHere }: OpenedContent, reply: FastifyReply): void {
    if (reply.raw.closed) return
    const over = this.#readAhead.follow(askedFor(wanted), wasHere)
    reply.raw.once('close', () => over(reply.raw.writableFinished))
  }

  async #open(wanted: NamedContent, start: number, reply: FastifyReply): Promise<OpenedContent | undefined> {
    const signal = whileConnected(reply.raw)
    try {
      return await this.#opener.open(askedFor(wanted), start, signal)
    } catch (error) {
      signal.throwIfAborted()
      this.#logger.warn({ digest: formatDigest(wanted.digest), error: messageOf(error) }, 'a content cannot be had')
      return undefined
    }
  }

  /** A client that goes away no longer wants it. */
  #closeWith(reply: FastifyReply, content: OpenedContent): void {
    const close = (): void => {
      content.close().catch((error: unknown) => this.#logger.error({ err: error }, 'a download could not be released'))
    }
    if (reply.raw.closed) close()
    else reply.raw.once('close', close)
  }
}

function askedFor({ authorization, ...wanted }: NamedContent): WantedContent {
  return { ...wanted, headers: authorization === undefined ? [] : [['authorization', authorization]] }
}

async function wholeOf({ contentLength, read }: OpenedContent): Promise<Buffer> {
  const chunks: Buffer[] = []
  if (contentLength > 0) for await (const bytes of read({ start: 0, end: contentLength - 1 })) chunks.push(Buffer.from(bytes))
  return Buffer.concat(chunks)
}

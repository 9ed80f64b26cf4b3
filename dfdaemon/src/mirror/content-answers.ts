import { readFile } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { formatDigest, messageOf, type Sha256 } from '@damselfly/shared'
import type { Logger } from '@damselfly/shared/logging'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { BACK_TO_SOURCE_HEADER } from '../api/protocol.ts'
import { sendFile } from '../http/file-answer.ts'
import type { Peer } from '../peer/peer.ts'
import { mediaTypeOf, MANIFEST_TYPES } from './media-type.ts'
import { openContent, type OpenedContent } from './opened-content.ts'

/** A manifest that is larger is none; bytes, as registries have it. */
const MAX_MANIFEST_BYTES = 4 * 1024 * 1024

export interface ContentAnswersInit {
  readonly peer: Peer
  readonly logger: Logger
}

/** What a client asks for, and where its registry has it. */
export interface WantedContent {
  readonly url: string
  readonly digest: Sha256
}

/** Answers with contents that come through the swarm. */
export class ContentAnswers {
  readonly #peer: Peer
  readonly #logger: Logger

  constructor({ peer, logger }: ContentAnswersInit) {
    this.#peer = peer
    this.#logger = logger
  }

  /**
   * Streams a blob while it downloads.
   *
   * @returns false, with nothing answered, when it cannot be had through the swarm, or not the part that is asked for
   */
  async blob(wanted: WantedContent, request: FastifyRequest, reply: FastifyReply): Promise<boolean> {
    const content = await this.#open(wanted, request, [])
    if (content === undefined) return false
    const { range } = request.headers
    if (range !== undefined && content.whole === undefined) {
      await content.close()
      return false
    }
    closeWith(reply, content, this.#logger)
    describe(reply, wanted, content)
    void reply.type('application/octet-stream')
    if (content.whole !== undefined) await sendFile(reply, content.whole, range)
    else await reply.header('content-length', content.contentLength).send(Readable.from(content.bytes, { objectMode: false }))
    return true
  }

  /**
   * @param contentType what the registry called it; undefined: what it says itself
   * @returns false, with nothing answered, when it cannot be had through the swarm
   */
  async manifest(wanted: WantedContent, contentType: string | undefined, request: FastifyRequest, reply: FastifyReply): Promise<boolean> {
    const content = await this.#open(wanted, request, [['accept', MANIFEST_TYPES.join(', ')]])
    if (content === undefined) return false
    try {
      if (content.contentLength > MAX_MANIFEST_BYTES) return false
      const bytes = await readFile((await content.download.finished).path)
      const type = contentType ?? mediaTypeOf(bytes)
      if (type === undefined) return false
      describe(reply, wanted, content)
      await reply.type(type).send(bytes)
      return true
    } finally {
      await content.close()
    }
  }

  /** Whatever keeps the swarm from giving it, the registry itself may still do. */
  async #open(wanted: WantedContent, request: FastifyRequest, headers: readonly [string, string][]): Promise<OpenedContent | undefined> {
    const { authorization } = request.headers
    try {
      return await openContent(this.#peer, {
        url: wanted.url,
        headers: authorization === undefined ? headers : [...headers, ['authorization', authorization]],
        filteredQueryParams: [],
        tag: '',
        application: '',
        digest: wanted.digest,
        range: undefined,
        order: 'in-order',
        backToSource: true,
        limitRate: undefined,
        priority: 'foreground',
      })
    } catch (error) {
      this.#logger.warn({ digest: formatDigest(wanted.digest), reason: messageOf(error) }, 'the registry itself is asked for a content')
      return undefined
    }
  }
}

function describe(reply: FastifyReply, { digest }: WantedContent, { download }: OpenedContent): void {
  const text = formatDigest(digest)
  void reply.headers({ 'docker-content-digest': text, etag: `"${text}"`, 'accept-ranges': 'bytes' })
  const { backToSource } = download.progress()
  if (backToSource !== undefined) void reply.header(BACK_TO_SOURCE_HEADER, backToSource)
}

/** A client that goes away no longer wants it. */
function closeWith(reply: FastifyReply, content: OpenedContent, logger: Logger): void {
  reply.raw.once('close', () => {
    content.close().catch((error: unknown) => logger.error({ err: error }, 'a download could not be released'))
  })
}

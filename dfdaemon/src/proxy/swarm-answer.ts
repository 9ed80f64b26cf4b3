import type { IncomingMessage, ServerResponse } from 'node:http'
import { isCredentialHeader, isDamselflyError, messageOf, redactUrl } from '@damselfly/shared'
import type { Logger } from '@damselfly/shared/logging'
import { BACK_TO_SOURCE_HEADER } from '../api/protocol.ts'
import { answerInPortions } from '../http/portions-answer.ts'
import { firstByteOf, parseRangeHeader, type ContentRange } from '../http/range.ts'
import { streamed, SwarmSource, type BegunContent } from '../mirror/swarm-source.ts'
import type { DownloadRequest, Peer } from '../peer/peer.ts'

/** Only what is asked for in this way can be answered without the origin's own headers. */
export function canComeFromSwarm({ method, headers }: IncomingMessage): boolean {
  const isConditional = Object.keys(headers).some((name) => name.startsWith('if-'))
  return method === 'GET' && !isConditional && headers['content-length'] === undefined && headers['transfer-encoding'] === undefined
}

/**
 * Streams what a URL has, as the peer downloads it.
 *
 * @returns false, with nothing answered, when the origin itself is to answer
 * @throws when it fails later, or the signal's reason
 */
export async function answerFromSwarm(
  url: URL,
  request: IncomingMessage,
  response: ServerResponse,
  { peer, logger, signal }: { readonly peer: Peer; readonly logger: Logger; readonly signal: AbortSignal },
): Promise<boolean> {
  const source = new SwarmSource(peer, downloadOf(url, request))
  try {
    const { range } = request.headers
    const begun = await begin(source, firstByteOf(range, undefined), signal)
    if (begun instanceof Error) {
      logger.info({ url: redactUrl(url.href), error: messageOf(begun) }, 'the origin itself is asked')
      return false
    }
    await send(source, begun, range, response, signal)
    return true
  } finally {
    await source.giveUp()
  }
}

async function begin(source: SwarmSource, start: number, signal: AbortSignal): Promise<BegunContent | Error> {
  try {
    return await source.begin(start, signal)
  } catch (error) {
    signal.throwIfAborted()
    return error instanceof Error ? error : new Error(messageOf(error))
  }
}

async function send(source: SwarmSource, { contentLength }: BegunContent, header: string | undefined, response: ServerResponse, signal: AbortSignal): Promise<void> {
  const range = rangeOf(header, contentLength)
  if (range === 'outside') {
    response.writeHead(416, { 'content-range': `bytes */${contentLength}` }).end()
    return
  }
  const { start, end } = range ?? { start: 0, end: contentLength - 1 }
  const reason = source.backToSource
  const status = range === undefined ? 200 : 206
  const headers = {
    'content-type': 'application/octet-stream',
    'content-length': end - start + 1,
    'accept-ranges': 'bytes',
    ...(range === undefined ? {} : { 'content-range': `bytes ${start}-${end}/${contentLength}` }),
    ...(reason === undefined ? {} : { [BACK_TO_SOURCE_HEADER]: reason }),
  }
  const body = contentLength === 0 ? [] : source.read({ start, end }, signal)
  await answerInPortions(response, body, () => response.writeHead(status, headers))
}

function rangeOf(header: string | undefined, length: number): ContentRange | 'outside' | undefined {
  try {
    return parseRangeHeader(header, length)
  } catch (error) {
    if (isDamselflyError(error, 'RANGE_UNSATISFIABLE')) return 'outside'
    throw error
  }
}

/** Of the client's headers the credentials alone: others would make tasks of their own of one and the same file. */
function downloadOf(url: URL, { headers }: IncomingMessage): DownloadRequest {
  const credentials = Object.entries(headers).flatMap(([name, value]) =>
    isCredentialHeader(name) && !name.startsWith('proxy-') && typeof value === 'string' ? [[name, value] as const] : [],
  )
  return streamed({ url: url.href, headers: credentials, digest: undefined })
}

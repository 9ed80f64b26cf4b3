import { DamselflyError, isDamselflyError, messageOf, redactUrl, type ByteFlow } from '@damselfly/shared'
import type { ListedContent, ListRequest, OriginInfo, OriginRequest, OriginResponse, SourceClient } from '../source-client.ts'

/** Somebody's source client such that what it throws and answers is what others expect of one. */
export function guardSource(client: SourceClient): SourceClient {
  const list = client.list?.bind(client)
  return {
    schemes: [...client.schemes],
    probe: (request) => guarded(request, async () => checkInfo(await client.probe(request))),
    read: (request) => guarded(request, async () => checkResponse(await client.read(request), request)),
    ...(list === undefined ? {} : { list: (request: ListRequest) => guardedList(request, list(request)) }),
    close: () => client.close(),
  }
}

type Asked = Pick<OriginRequest, 'url' | 'signal'>

async function guarded<T>(asked: Asked, ask: () => Promise<T>): Promise<T> {
  asked.signal.throwIfAborted()
  try {
    return await ask()
  } catch (error) {
    throw told(error, asked)
  }
}

async function* guardedList(request: ListRequest, listed: AsyncIterable<ListedContent>): AsyncGenerator<ListedContent> {
  try {
    yield* listed
  } catch (error) {
    throw told(error, request)
  }
}

/** What is no error of ours is taken for an origin that cannot be reached, which is tried again. */
function told(error: unknown, { url, signal }: Asked): unknown {
  if (signal.aborted) return signal.reason
  if (isDamselflyError(error)) return error
  return new DamselflyError('ORIGIN_UNREACHABLE', `${redactUrl(url)}: ${messageOf(error)}`, { cause: error })
}

function checkInfo(info: OriginInfo): OriginInfo {
  const { contentLength, acceptsRanges, validators } = info
  if (contentLength !== undefined && !isLength(contentLength)) throw wrong(`a contentLength of ${String(contentLength)}`)
  if (typeof acceptsRanges !== 'boolean') throw wrong('acceptsRanges that is neither true nor false')
  if (typeof validators?.etag !== 'string' || typeof validators.lastModified !== 'string') throw wrong('no validators: give empty texts for those that it has not')
  return info
}

function checkResponse(response: OriginResponse, request: OriginRequest): OriginResponse {
  const { start, body } = response
  checkInfo(response)
  if (!isLength(start)) throw wrong(`a start of ${String(start)}`)
  if (typeof body?.pipe !== 'function' || typeof body.cancel !== 'function') throw wrong('no body: flowOf of @damselfly/shared makes one')
  return { ...response, body: guardedBody(body, request) }
}

function guardedBody(body: ByteFlow, asked: Asked): ByteFlow {
  return {
    pipe: async (sink) => {
      let ours: { readonly reason: unknown } | undefined
      try {
        const keep = (reason: unknown): never => {
          ours = { reason }
          throw reason
        }
        await body.pipe((bytes) => {
          asked.signal.throwIfAborted()
          try {
            return sink(bytes)?.catch(keep)
          } catch (reason) {
            return keep(reason)
          }
        })
      } catch (error) {
        throw ours === undefined ? told(error, asked) : ours.reason
      }
    },
    cancel: () => body.cancel(),
  }
}

function isLength(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function wrong(what: string): DamselflyError {
  return new DamselflyError('ORIGIN_STATUS', `its source client answered with ${what}`)
}

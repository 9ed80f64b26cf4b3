import type { ServerResponse } from 'node:http'
import { DamselflyError } from '@damselfly/shared'
import type { FastifyReply } from 'fastify'

/**
 * Answers with a body that comes in portions, each good until the next is asked for: that waits until the kernel has the one before.
 * What fails before the first of them can still be answered otherwise; later nothing is left but to break the connection off.
 *
 * @param writeHead called before the first portion is written
 * @throws what `portions` throws; DamselflyError CANCELLED when the client goes away
 */
export async function answerInPortions(response: ServerResponse, portions: AsyncIterable<Uint8Array> | Iterable<Uint8Array>, writeHead: () => void): Promise<void> {
  let isBegun = false
  const begin = (): void => {
    if (!isBegun) writeHead()
    isBegun = true
  }
  try {
    for await (const bytes of portions) {
      begin()
      await written(response, bytes)
    }
    begin()
    response.end()
  } catch (error) {
    if (isBegun) response.destroy()
    throw error
  }
}

/** The same with the status and the headers of a reply. @throws as `answerInPortions` */
export async function replyInPortions(reply: FastifyReply, portions: AsyncIterable<Uint8Array>): Promise<void> {
  await answerInPortions(reply.raw, portions, () => {
    reply.hijack()
    reply.raw.writeHead(reply.statusCode, reply.getHeaders() as Record<string, string | number>)
  })
}

function written(response: ServerResponse, bytes: Uint8Array): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  // What a connection that is gone was given is not always answered.
  const gone = (): void => reject(new DamselflyError('CANCELLED', 'the client went away'))
  response.once('close', gone)
  response.write(bytes, (error) => (error === null || error === undefined ? resolve() : gone()))
  if (response.closed) gone()
  return promise.finally(() => response.off('close', gone))
}

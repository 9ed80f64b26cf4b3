import { DamselflyError } from '@damselfly/shared'
import type { Download, DownloadRequest, FinishedDownload, Peer } from '../peer/peer.ts'

/** A content of which the first bytes are here, verified. */
export interface OpenedContent {
  /** Bytes. */
  readonly contentLength: number
  /** Set when all of it is on this disk. */
  readonly whole: FinishedDownload | undefined
  readonly download: Download
  /** In order, from the first byte on; throws where the content turns out wrong or cannot be had. */
  readonly bytes: AsyncIterable<Uint8Array>
  /** To be called once nobody needs it. Idempotent. */
  close(): Promise<void>
}

/**
 * Begins to download, and waits until its first bytes can be shown, so that what goes wrong before that can still be
 * answered otherwise.
 *
 * @throws DamselflyError as the download
 */
export async function openContent(peer: Peer, request: DownloadRequest): Promise<OpenedContent> {
  const download = await peer.download(request)
  const closing = new AbortController()
  const close = async (): Promise<void> => {
    closing.abort(new DamselflyError('CANCELLED', 'the client went away'))
    await download.release()
  }
  try {
    const rest = download.content(closing.signal)[Symbol.asyncIterator]()
    const first = await rest.next()
    const whole = await finishedAlready(download)
    const contentLength = whole?.contentLength ?? download.progress().contentLength
    if (contentLength === undefined) throw new DamselflyError('ORIGIN_STATUS', 'the origin does not tell the length of a content')
    return { contentLength, whole, download, bytes: following(first, rest), close }
  } catch (error) {
    await close()
    throw error
  }
}

/** A content that was here before is finished by the time that its first bytes are read. */
async function finishedAlready(download: Download): Promise<FinishedDownload | undefined> {
  const { contentLength, verifiedBytes } = download.progress()
  return contentLength === verifiedBytes ? await download.finished : undefined
}

async function* following(first: IteratorResult<Uint8Array>, rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  for (let next = first; next.done !== true; next = await rest.next()) yield next.value
}

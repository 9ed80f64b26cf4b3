import { createWriteStream } from 'node:fs'
import type { Writable } from 'node:stream'
import { finished as whenClosed } from 'node:stream/promises'
import type { FinishedDownload } from '@damselfly/dfdaemon'
import type { OutputFile } from './output/output-file.ts'
import { writeContent } from './output/write-stream.ts'
import type { Session } from './session/session.ts'
import { unlessAborted } from './unless-aborted.ts'

/** Where the content goes. */
export type Output =
  | { readonly type: 'file'; readonly file: OutputFile }
  /** Something that is there already: a pipe, a device. */
  | { readonly type: 'device'; readonly path: string }
  | { readonly type: 'stdout'; readonly stream: Writable }

/**
 * Waits for the content and hands it over.
 *
 * @returns undefined when the reader of the output went away before the end
 * @throws DamselflyError, or the signal's reason
 */
export async function deliver(session: Session, output: Output, signal: AbortSignal): Promise<FinishedDownload | undefined> {
  switch (output.type) {
    case 'file':
      return deliverFile(session, output.file, signal)
    case 'stdout':
      return deliverStream(session, output.stream, 'standard output', signal)
    case 'device':
      return deliverDevice(session, output.path, signal)
  }
}

async function deliverFile(session: Session, file: OutputFile, signal: AbortSignal): Promise<FinishedDownload> {
  const finished = await unlessAborted(session.download.finished, signal)
  await file.replace((part, mode) => session.fill(finished, part, mode, signal), signal)
  return finished
}

async function deliverDevice(session: Session, path: string, signal: AbortSignal): Promise<FinishedDownload | undefined> {
  const stream = createWriteStream(path, { flags: 'w' })
  try {
    return await deliverStream(session, stream, path, signal)
  } finally {
    stream.end()
    await whenClosed(stream).catch(() => undefined)
  }
}

async function deliverStream(
  session: Session,
  stream: Writable,
  name: string,
  signal: AbortSignal,
): Promise<FinishedDownload | undefined> {
  const isRead = await writeContent(session.download.content(signal), stream, name)
  // Bytes that were shown are right each, but only now the whole is known to be.
  return isRead ? unlessAborted(session.download.finished, signal) : undefined
}

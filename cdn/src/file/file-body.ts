import type { FileHandle } from 'node:fs/promises'
import { DamselflyError, flowOf, type ByteFlow } from '@damselfly/shared'
import { shortError } from '../http/http-errors.ts'
import { fileError } from './file-errors.ts'
import { fileVersion, type FileVersion } from './file-version.ts'

/** What one read brings: large enough to be cheap per byte, small enough for the CPU's cache; bytes. */
const READ_BYTES = 256 * 1024

export interface FileBodyInit {
  /** Called when somebody wants the first byte, so that a body which nobody reads holds nothing open. */
  readonly open: () => Promise<FileHandle>
  readonly version: FileVersion
  /** Position in the file; bytes. */
  readonly start: number
  readonly length: number
  /** The URL, for messages. */
  readonly shown: string
  readonly signal: AbortSignal
}

/** A part of a file, which must stay as it is until its last byte was handed on. */
export function fileBody(init: FileBodyInit): ByteFlow {
  return flowOf(chunksOf(init))
}

async function* chunksOf({ open, version, start, length, shown, signal }: FileBodyInit): AsyncGenerator<Uint8Array> {
  signal.throwIfAborted()
  const handle = await open()
  try {
    await checkSame(handle, version, shown)
    const buffer = Buffer.allocUnsafe(Math.min(length, READ_BYTES))
    for (let done = 0; done < length; ) {
      signal.throwIfAborted()
      const { bytesRead } = await handle.read(buffer, 0, Math.min(buffer.length, length - done), start + done)
      await checkSame(handle, version, shown)
      if (bytesRead === 0) throw shortError(shown, done, length)
      done += bytesRead
      yield buffer.subarray(0, bytesRead)
    }
    signal.throwIfAborted()
  } catch (error) {
    signal.throwIfAborted()
    throw fileError(error, shown)
  } finally {
    await handle.close()
  }
}

/** Looked at after each read, and before anybody sees what it brought. @throws DamselflyError ORIGIN_CHANGED */
async function checkSame(handle: FileHandle, version: FileVersion, shown: string): Promise<void> {
  const now = await fileVersion(handle)
  if (now.etag !== version.etag) throw new DamselflyError('ORIGIN_CHANGED', `${shown} changed while it was read`)
}

import type { Writable } from 'node:stream'
import { diskError, systemCode } from '@damselfly/shared'

/**
 * Writes the content to a stream that stays open, waiting whenever the reader is slow.
 *
 * @returns false when the reader went away before the end (EPIPE)
 * @throws what `content` throws, DamselflyError DISK_FULL, DISK_FAILED
 */
export async function writeContent(content: AsyncIterable<Uint8Array>, stream: Writable, name: string): Promise<boolean> {
  // A stream also emits what its callback is told; without a listener that would end the process.
  const ignore = (): void => undefined
  stream.on('error', ignore)
  try {
    for await (const part of content) {
      const failure = await write(stream, part)
      if (failure === undefined) continue
      if (systemCode(failure) === 'EPIPE') return false
      throw diskError(failure, `write to ${name}`)
    }
    return true
  } finally {
    // The event may come after the callback.
    setImmediate(() => stream.off('error', ignore))
  }
}

function write(stream: Writable, part: Uint8Array): Promise<Error | undefined> {
  return new Promise((resolve) => stream.write(part, (error) => resolve(error ?? undefined)))
}

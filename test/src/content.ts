import { createCipheriv, createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'

const CHUNK = 4 * 1024 * 1024

/**
 * Writes `length` bytes that no compression shrinks and that depend on `seed` alone.
 *
 * @returns their SHA-256, in hexadecimal
 */
export async function writeRandomFile(path: string, length: number, seed: number): Promise<string> {
  const key = createHash('sha256').update(`content ${seed}`).digest()
  const cipher = createCipheriv('aes-256-ctr', key, Buffer.alloc(16))
  const hash = createHash('sha256')
  const file = await open(path, 'w', 0o644)
  try {
    const zeros = Buffer.alloc(CHUNK)
    for (let written = 0; written < length; ) {
      const part = cipher.update(zeros.subarray(0, Math.min(CHUNK, length - written)))
      hash.update(part)
      await file.write(part)
      written += part.length
    }
  } finally {
    await file.close()
  }
  return hash.digest('hex')
}

/** SHA-256 of a file, in hexadecimal. */
export async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path, { highWaterMark: 1024 * 1024 }), hash)
  return hash.digest('hex')
}

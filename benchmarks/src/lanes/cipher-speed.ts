import { promisify } from 'node:util'
import { execFile } from 'node:child_process'

const run = promisify(execFile)

/** What one core of this machine does with each, by the name that openssl has for it. */
export const PRIMITIVES = ['sha256', 'aes-128-gcm', 'chacha20-poly1305'] as const
export type Primitive = (typeof PRIMITIVES)[number]

const BLOCK_BYTES = 64 * 1024

/** @returns bytes per second of CPU time */
export async function speedOf(openssl: string, primitive: Primitive): Promise<number> {
  const { stdout } = await run(openssl, ['speed', '-mr', '-seconds', '1', '-bytes', String(BLOCK_BYTES), '-evp', primitive])
  const speed = /^\+F:.*:([\d.]+)$/m.exec(stdout)?.[1]
  if (speed === undefined) throw new Error(`openssl speed said: ${stdout}`)
  return Number(speed)
}

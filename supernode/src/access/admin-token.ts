import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DamselflyError, diskError, readIfThere } from '@damselfly/shared'

const TOKEN_BYTES = 32
const TOKEN_PATTERN = /^[\w-]{32,}$/

/** The token that opens the management API. */
export interface AdminToken {
  /** The file that holds it, readable by its owner only. */
  readonly path: string
  /** Takes the same time for every wrong token. */
  matches(token: string): boolean
}

/** Reads the token, or makes one on the first start. @throws DamselflyError DISK_DENIED, DISK_FULL, DISK_FAILED, CONFIG_INVALID */
export async function loadAdminToken(dataDir: string): Promise<AdminToken> {
  const path = join(dataDir, 'admin-token')
  try {
    await mkdir(dataDir, { recursive: true, mode: 0o700 })
    const token = (await readToken(path)) ?? (await makeToken(path))
    if (!TOKEN_PATTERN.test(token)) {
      throw new DamselflyError('CONFIG_INVALID', `${path} holds no token; delete it and a new one is made`)
    }
    await chmod(path, 0o600)
    return { path, matches: (candidate) => timingSafeEqual(hashOf(candidate), hashOf(token)) }
  } catch (error) {
    throw diskError(error, `keep the admin token in ${path}`)
  }
}

async function readToken(path: string): Promise<string | undefined> {
  return (await readIfThere(path))?.trim()
}

async function makeToken(path: string): Promise<string> {
  const token = randomBytes(TOKEN_BYTES).toString('base64url')
  await writeFile(path, `${token}\n`, { mode: 0o600, flag: 'wx' })
  return token
}

/** Equal lengths for the comparison, whatever was sent. */
function hashOf(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}

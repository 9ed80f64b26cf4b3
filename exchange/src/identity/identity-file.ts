import { randomBytes } from 'node:crypto'
import { chmod, link, mkdir, open, readFile, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { DamselflyError, diskError, systemCode } from '@damselfly/shared'
import type { Identity } from './identity.ts'
import { createIdentity, identityFromProtobuf } from './private-key.ts'

const OWNER_ONLY = 0o600
const OTHERS = 0o077

/**
 * The identity kept at `path`: a file with mode 0600 that holds the key as libp2p's
 * `privateKeyToProtobuf` writes it. Created on first use; processes that start together
 * end up with the same one.
 *
 * @throws DamselflyError DISK_DENIED, DISK_FULL, DISK_FAILED (also when the file holds something else)
 */
export async function loadIdentity(path: string): Promise<Identity> {
  try {
    const stored = await readStored(path)
    if (stored !== undefined) return stored
    await createStored(path)
    const created = await readStored(path)
    if (created !== undefined) return created
  } catch (error) {
    throw diskError(error, `read or create the identity ${path}`)
  }
  throw new DamselflyError('DISK_FAILED', `the identity ${path} vanished while it was created`)
}

async function readStored(path: string): Promise<Identity | undefined> {
  let bytes: Uint8Array
  try {
    bytes = await readFile(path)
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  }
  const identity = identityFromProtobuf(bytes)
  if (identity === undefined) {
    throw new DamselflyError('DISK_FAILED', `${path} does not hold an Ed25519 identity; move it away to get a new one`)
  }
  if (((await stat(path)).mode & OTHERS) !== 0) await chmod(path, OWNER_ONLY)
  return identity
}

/** Written aside and linked into place, so that `path` is never seen half written nor replaced. */
async function createStored(path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const draft = `${path}.${randomBytes(6).toString('hex')}`
  const file = await open(draft, 'wx', OWNER_ONLY)
  try {
    try {
      await file.writeFile(createIdentity().privateKeyProtobuf)
      await file.sync()
    } finally {
      await file.close()
    }
    await link(draft, path).catch((error: unknown) => {
      if (systemCode(error) !== 'EEXIST') throw error
    })
  } finally {
    await rm(draft, { force: true })
  }
}

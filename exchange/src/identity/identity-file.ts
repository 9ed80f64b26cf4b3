import { chmod, readFile, stat } from 'node:fs/promises'
import { DamselflyError, diskError, systemCode, writeFirst } from '@damselfly/shared'
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
    await writeFirst(path, createIdentity().privateKeyProtobuf)
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

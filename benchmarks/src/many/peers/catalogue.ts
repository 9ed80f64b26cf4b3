import { truncate, writeFile } from 'node:fs/promises'
import { signManifest, type HeldTask, type Identity } from '@damselfly/exchange'
import { Bitset, deriveTaskId, merkleRoot, sha256, taskIdToBytes, type TaskId, type TaskIdentity } from '@damselfly/shared'
import { create, ManifestSchema } from '@damselfly/shared/wire'

/** Contents that the peers hold or want. */
export const TASKS = 100

/** How many of them each peer holds. */
export const HELD = 3

const MIB = 1024 * 1024

/** Bytes. */
export const PIECE_SIZE = MIB

export const PIECES = 64

const CONTENT_LENGTH = PIECES * PIECE_SIZE

/** Files without bytes at the origin, which is only asked for their length. @param root an existing folder */
export async function writeOriginFiles(root: string): Promise<void> {
  for (let number = 0; number < TASKS; number++) {
    await writeFile(`${root}/${nameOf(number)}`, '', { mode: 0o644 })
    await truncate(`${root}/${nameOf(number)}`, CONTENT_LENGTH)
  }
}

/** What a peer tells of each content that it holds, as if the supernode had given it long ago. @param origin URL of the folder */
export function createCatalogue(origin: string, supernode: Identity): readonly HeldTask[] {
  return Array.from({ length: TASKS }, (_, number) => heldTask(`${origin}${nameOf(number)}`, supernode))
}

function nameOf(number: number): string {
  return `content-${number}`
}

function heldTask(url: string, supernode: Identity): HeldTask {
  const identity: TaskIdentity = { url }
  const taskId = deriveTaskId(identity)
  const digests = Array.from({ length: PIECES }, (_, index) => sha256(Buffer.from(`${taskId} ${index}`)))
  return {
    taskId,
    identity,
    contentLength: CONTENT_LENGTH,
    pieceSize: PIECE_SIZE,
    have: Bitset.full(PIECES),
    digests,
    signedManifest: signedManifest(taskId, url, digests, supernode),
    contentDigest: undefined,
    etag: '',
    lastModified: '',
    isPrivate: false,
  }
}

function signedManifest(taskId: TaskId, url: string, digests: readonly Uint8Array[], supernode: Identity): Uint8Array {
  const manifest = create(ManifestSchema, {
    taskId: taskIdToBytes(taskId),
    contentLength: BigInt(CONTENT_LENGTH),
    pieceSize: PIECE_SIZE,
    pieceDigests: Buffer.concat(digests),
    merkleRoot: merkleRoot(digests),
    url,
  })
  return signManifest(supernode, manifest)
}

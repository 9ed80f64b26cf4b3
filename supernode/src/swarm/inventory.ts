import { SHA256_BYTES, taskIdFromBytes, toDamselflyError } from '@damselfly/shared'
import { toNumber, type Manifest } from '@damselfly/shared/wire'
import { contentDigestOf } from '@damselfly/exchange'
import type { Announcement } from '../control/announcement.ts'
import { memberInit, type ConnectedPeer } from '../control/connected-peer.ts'
import type { PieceDigest } from './swarm.ts'
import type { Task } from './task.ts'

/** Reads an encoded SignedManifest of our own. @throws DamselflyError PROTOCOL */
export type ManifestReader = (signedManifest: Uint8Array) => Manifest

/**
 * Takes a peer's word on what it holds of a task into the swarm. What it says counts as far as
 * our own signature, our own CDN or enough other peers agree.
 */
export function takeInventory(task: Task, peer: ConnectedPeer, announced: Announcement, readManifest: ManifestReader): void {
  const { swarm, source } = task
  // Most bring the manifest that the first one brought; checking each again would take most of the time after a restart.
  const isKnown = source.task !== undefined || swarm.content.signedManifest !== undefined
  const manifest = isKnown ? undefined : ownManifest(announced, readManifest)
  if (manifest !== undefined) adoptManifest(task, announced, manifest)
  const { content } = swarm
  if (content.pieceSize === undefined) {
    // Without a manifest the first one's word on the layout stands until the content is asked for.
    swarm.describe(announced.layout.pieceSize, announced.layout.contentLength, announced.validators)
  }
  if (content.pieceSize !== announced.layout.pieceSize) return
  if (content.layout !== undefined && content.layout.contentLength !== announced.layout.contentLength) return
  if (source.task === undefined) content.isPrivate ||= announced.isPrivate
  peer.tasks.add(swarm.taskId)
  const member = swarm.joinHolder(memberInit(peer, announced.spec.url))
  if (announced.contentDigest !== undefined) swarm.claimContentDigest(member, announced.contentDigest)
  swarm.claim(member, announced.pieces)
}

function ownManifest({ signedManifest, spec }: Announcement, read: ManifestReader): Manifest | undefined {
  if (signedManifest === undefined) return undefined
  try {
    const manifest = read(signedManifest)
    return taskIdFromBytes(manifest.taskId) === spec.taskId ? manifest : undefined
  } catch (error) {
    // Another supernode's, or a forged one: it does not count.
    if (toDamselflyError(error).code === 'PROTOCOL') return undefined
    throw error
  }
}

/** The first manifest stands; a later one of another version cannot be told from an older one here. */
function adoptManifest({ swarm, source }: Task, announced: Announcement, manifest: Manifest): void {
  if (announced.signedManifest === undefined) return
  const contentLength = toNumber(manifest.contentLength, 'content length')
  const { layout, pieceSize } = swarm.content
  const isOther = layout?.contentLength !== contentLength || pieceSize !== manifest.pieceSize
  if (pieceSize !== undefined && isOther) swarm.reset(undefined)
  const validators = { etag: manifest.validators?.etag ?? '', lastModified: manifest.validators?.lastModified ?? '' }
  swarm.describe(manifest.pieceSize, contentLength, validators)
  if (source.state.type === 'failed') swarm.originFailed()
  swarm.trust(digestsOf(manifest))
  swarm.verified(contentDigestOf(manifest)?.slice())
  swarm.completed(announced.signedManifest)
}

function digestsOf({ pieceDigests }: Manifest): PieceDigest[] {
  const bytes = pieceDigests.slice()
  const digest = (index: number): Uint8Array => bytes.subarray(index * SHA256_BYTES, (index + 1) * SHA256_BYTES)
  return Array.from({ length: bytes.length / SHA256_BYTES }, (_, index) => [index, digest(index)] as const)
}

import { DamselflyError, formatDigest, redactUrl, type Clock } from '@damselfly/shared'
import { isoTime } from '@damselfly/shared/http-api'
import type { BlocklistEntry } from '@damselfly/scheduler'
import type * as z from 'zod'
import type { ConnectedPeer } from '../control/connected-peer.ts'
import { lastUsedAt, type KnownTask, type TaskCatalogue } from '../swarm/task-catalogue.ts'
import type { TaskRegistry } from '../swarm/task-registry.ts'
import type { Task } from '../swarm/task.ts'
import type { blocklistBody, PeerBody, peerDetailBody, TaskBody, taskDetailBody } from './schemas.ts'

export function taskBodyOf(task: KnownTask, catalogue: TaskCatalogue): TaskBody {
  const { taskId, live, record } = task
  const { hits, servedBytes, originBytes } = catalogue.usesOf(task)
  const validators = record === undefined ? null : { etag: record.etag, lastModified: record.lastModified }
  return {
    ...contentBodyOf(task, catalogue.heldBytes(taskId)),
    lastUsedAt: isoTime(lastUsedAt(live, record)),
    heldBytes: catalogue.heldBytes(taskId),
    pinned: record?.pinned === true,
    version: validators === null ? null : { ...validators, since: isoTime(record?.createdAt ?? 0) },
    hits,
    servedBytes,
    originBytes,
    bytesSaved: Math.max(0, servedBytes - originBytes),
  }
}

type ContentBody = Omit<TaskBody, 'lastUsedAt' | 'heldBytes' | 'pinned' | 'version' | 'hits' | 'servedBytes' | 'originBytes' | 'bytesSaved'>

function contentBodyOf({ taskId, live, record }: KnownTask, heldBytes: number): ContentBody {
  if (live !== undefined) return liveBodyOf(live)
  if (record === undefined) throw new DamselflyError('TASK_NOT_FOUND', `there is no task ${taskId}`)
  const { contentLength, pieceSize, contentDigest } = record
  const heldPieces = Math.ceil(heldBytes / pieceSize)
  return {
    taskId,
    url: redactUrl(record.url),
    tag: record.tag,
    application: record.application,
    source: contentLength === heldBytes ? 'complete' : 'idle',
    isPrivate: record.isPrivate,
    contentLength: contentLength ?? null,
    pieceSize,
    pieces: contentLength === undefined ? null : Math.ceil(contentLength / pieceSize),
    knownDigests: heldPieces,
    cdnPieces: heldPieces,
    contentDigest: contentDigest === undefined ? null : formatDigest(contentDigest),
    isSigned: false,
    peers: 0,
    children: 0,
    createdAt: isoTime(record.createdAt),
  }
}

function liveBodyOf({ swarm, source, createdAt }: Task): ContentBody {
  const { spec, content, members } = swarm
  return {
    taskId: swarm.taskId,
    url: redactUrl(spec.url),
    tag: spec.tag,
    application: spec.application,
    source: source.state.type,
    isPrivate: content.isPrivate,
    contentLength: content.layout?.contentLength ?? null,
    pieceSize: content.pieceSize ?? null,
    pieces: content.layout?.pieceCount ?? null,
    knownDigests: content.digestCount,
    cdnPieces: swarm.cdnPieceCount,
    contentDigest: content.contentDigest === undefined ? null : formatDigest(content.contentDigest),
    isSigned: content.signedManifest !== undefined,
    peers: members.size,
    children: [...members.values()].filter(({ child }) => child !== undefined).length,
    createdAt: isoTime(createdAt),
  }
}

export function taskDetailOf(task: KnownTask, catalogue: TaskCatalogue): z.output<typeof taskDetailBody> {
  const members = [...(task.live?.swarm.members.values() ?? [])].map(({ peer, child, possession }) => {
    return { peer, isChild: child !== undefined, pieces: possession.count }
  })
  return { ...taskBodyOf(task, catalogue), members }
}

export function peerBodyOf(peer: ConnectedPeer): PeerBody {
  return {
    peer: peer.peer,
    hostName: peer.hostName,
    agent: peer.agent,
    address: peer.session.remoteAddress,
    endpoints: peer.card.endpoints.map((endpoint) => ({ ...endpoint })),
    location: { ...peer.location },
    security: peer.card.security,
    uploadSlots: peer.uploadSlots,
    tasks: peer.tasks.size,
    connectedAt: isoTime(peer.connectedAt),
  }
}

export function peerDetailOf(peer: ConnectedPeer, tasks: TaskRegistry): z.output<typeof peerDetailBody> {
  const members = [...peer.tasks].flatMap((taskId) => {
    const member = tasks.get(taskId)?.swarm.members.get(peer.peer)
    return member === undefined ? [] : [{ taskId, isChild: member.child !== undefined, pieces: member.possession.count }]
  })
  return { ...peerBodyOf(peer), members }
}

export function blocklistBodyOf(entries: readonly BlocklistEntry[], clock: Clock): z.output<typeof blocklistBody> {
  const offset = clock.wallTime() - clock.now()
  return {
    entries: entries.map(({ parent, child, reason, failures, until }) => {
      return { parent, child: child ?? null, reason, failures, until: isoTime(until + offset) }
    }),
  }
}

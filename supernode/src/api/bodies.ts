import { formatDigest, redactUrl, type Clock } from '@damselfly/shared'
import { isoTime } from '@damselfly/shared/http-api'
import type { BlocklistEntry } from '@damselfly/scheduler'
import type * as z from 'zod'
import type { ConnectedPeer } from '../control/connected-peer.ts'
import type { TaskRegistry } from '../swarm/task-registry.ts'
import type { Task } from '../swarm/task.ts'
import type { blocklistBody, PeerBody, peerDetailBody, TaskBody, taskDetailBody } from './schemas.ts'

export function taskBodyOf({ swarm, source, createdAt, lastUsedAt }: Task): TaskBody {
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
    lastUsedAt: isoTime(lastUsedAt),
  }
}

export function taskDetailOf(task: Task): z.output<typeof taskDetailBody> {
  const members = [...task.swarm.members.values()].map(({ peer, child, possession }) => {
    return { peer, isChild: child !== undefined, pieces: possession.count }
  })
  return { ...taskBodyOf(task), members }
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

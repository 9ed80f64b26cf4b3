import type { PeerId, TaskId } from '@damselfly/shared'
import type { Member } from './member.ts'
import type { Peer } from './peer.ts'
import type { Swarm } from './swarm.ts'

/** Who is connected, and which tasks there are. */
export class Register {
  readonly peers: Map<PeerId, Peer> = new Map()
  readonly swarms: Map<TaskId, Swarm> = new Map()
  readonly cdns: Set<Peer> = new Set()

  /** The peer's part in the task, made if there is none; undefined if the peer or the task is unknown. */
  enter(task: TaskId, id: PeerId): Member | undefined {
    const swarm = this.swarms.get(task)
    const known = swarm?.members.get(id)
    if (known !== undefined) return known
    const peer = this.peers.get(id)
    return peer === undefined ? undefined : swarm?.member(peer)
  }

  /** The peer's part in the task, if it has one. */
  find(task: TaskId, id: PeerId): Member | undefined {
    return this.swarms.get(task)?.members.get(id)
  }
}

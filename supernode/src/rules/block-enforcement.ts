import type { PeerId } from '@damselfly/shared'
import type { Logger } from '@damselfly/shared/logging'
import type { Swarm } from '../swarm/swarm.ts'
import type { Task } from '../swarm/task.ts'
import { blockedBy, type BlockRules } from './block-rules.ts'
import type { RuledPeer } from './download-conditions.ts'

export interface BlockEnforcementDeps {
  readonly rules: BlockRules
  readonly tasks: () => Iterable<Task>
  /** Undefined for a peer that is not connected. */
  readonly peer: (peer: PeerId) => RuledPeer | undefined
  readonly logger: Logger
}

/** Brings running downloads into line with the rules as they are now. */
export class BlockEnforcement {
  readonly #deps: BlockEnforcementDeps

  constructor(deps: BlockEnforcementDeps) {
    this.#deps = deps
  }

  /** After any change of the rules. */
  apply(): void {
    for (const { swarm } of this.#deps.tasks()) {
      for (const member of swarm.members.values()) {
        const peer = this.#deps.peer(member.peer)
        if (peer === undefined) continue
        swarm.shutUploads(member, this.#deps.rules.find('upload', peer, swarm.spec) !== undefined)
        if (member.child !== undefined) this.#endIfBlocked(peer, swarm)
      }
    }
  }

  #endIfBlocked(peer: RuledPeer, swarm: Swarm): void {
    const rule = this.#deps.rules.find('download', peer, swarm.spec)
    if (rule === undefined) return
    this.#deps.logger.info({ peer: peer.peer, task: swarm.taskId, rule: rule.id }, 'download blocked')
    swarm.expelChild(peer.peer, blockedBy(rule))
  }
}

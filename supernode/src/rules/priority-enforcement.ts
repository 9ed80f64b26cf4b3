import type { PeerId } from '@damselfly/shared'
import type { Task } from '../swarm/task.ts'
import type { RuledPeer } from './download-conditions.ts'
import type { DownloadRules } from './download-rules.ts'
import type { PriorityRule } from './priority-rule.ts'

export interface PriorityEnforcementDeps {
  readonly rules: DownloadRules<PriorityRule>
  readonly tasks: () => Iterable<Task>
  /** Undefined for a peer that is not connected. */
  readonly peer: (peer: PeerId) => RuledPeer | undefined
}

/** Gives running downloads the priority that the rules as they are now give them. */
export class PriorityEnforcement {
  readonly #deps: PriorityEnforcementDeps

  constructor(deps: PriorityEnforcementDeps) {
    this.#deps = deps
  }

  /** After any change of the rules. */
  apply(): void {
    const { rules, tasks, peer } = this.#deps
    for (const { swarm } of tasks()) {
      for (const member of swarm.members.values()) {
        const ruled = peer(member.peer)
        if (member.child !== undefined && ruled !== undefined) swarm.rulePriority(member.peer, rules.find(ruled, swarm.spec)?.priority)
      }
    }
  }
}

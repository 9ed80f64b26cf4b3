import { ORIGIN_PEER, taskIdToBytes, type Clock, type PeerId, type TaskId } from '@damselfly/shared'
import type { FailureReason, SchedulerCommand, SchedulerEvent } from '@damselfly/scheduler'
import type { ParentCard } from '../control/connected-peer.ts'
import type { PeerRegister } from '../control/peer-register.ts'
import type { SupernodeMetrics } from '../metrics/supernode-metrics.ts'
import type { Swarm } from '../swarm/swarm.ts'
import type { Task } from '../swarm/task.ts'
import type { ParentIntroductions } from './parent-introductions.ts'

export interface CommandDeliveryDeps {
  readonly peers: PeerRegister
  readonly task: (taskId: TaskId) => Task | undefined
  readonly introductions: ParentIntroductions
  readonly cdnCard: () => ParentCard
  readonly metrics: SupernodeMetrics
  /** Handles an event after the command that it came of. */
  readonly schedule: (event: SchedulerEvent) => void
  readonly clock: Clock
}

type AssignCommand = Extract<SchedulerCommand, { type: 'assign' }>

/**
 * Carries the scheduler's commands out to the peers. An assignment that does not reach its child is answered in its place,
 * so that no credit is lost.
 */
export class CommandDelivery {
  readonly #deps: CommandDeliveryDeps

  constructor(deps: CommandDeliveryDeps) {
    this.#deps = deps
  }

  deliver(command: SchedulerCommand): void {
    const { peers, metrics } = this.#deps
    switch (command.type) {
      case 'assign':
        return this.#assign(command)
      case 'cancel': {
        const { task, child, piece, parent } = command
        this.#deps.task(task)?.swarm.settleAssignment(child, piece)
        return peers.send(child, { case: 'cancelPiece', value: { taskId: taskIdToBytes(task), index: piece, parent } })
      }
      case 'back-to-source':
        metrics.sentBackToSource(command.reason)
        return peers.send(command.child, {
          case: 'backToSource',
          value: { taskId: taskIdToBytes(command.task), reason: command.reason },
        })
      case 'set-rate':
        return peers.send(command.peer, {
          case: 'setRate',
          value: { upload: BigInt(Math.round(command.upload)), download: BigInt(Math.round(command.download)) },
        })
      case 'evict':
        return peers.send(command.peer, { case: 'evict', value: { taskId: taskIdToBytes(command.task) } })
    }
  }

  #assign(command: AssignCommand): void {
    const { task: taskId, child: childId, piece, parent } = command
    const child = this.#deps.peers.get(childId)
    const swarm = this.#deps.task(taskId)?.swarm
    const digest = swarm?.content.digest(piece)
    const card = this.#cardOf(parent)
    if (child !== undefined && swarm?.isPassedOn === true && parent === this.#deps.cdnCard().peer) {
      swarm.assigned(childId, piece)
      this.#deps.metrics.assigned()
      return child.session.send({ case: 'assign', value: { taskId: taskIdToBytes(taskId), index: piece, parent: ORIGIN_PEER } })
    }
    // A child or a task that is gone has an event on its way that tells the scheduler.
    if (child === undefined || swarm === undefined) return
    if (card === undefined) return this.#answer(command, 'unreachable')
    if (digest === undefined) return this.#answer(command, 'refused')
    this.#deps.introductions.introduce(child, taskId, card, this.#allowedMs(swarm, childId))
    swarm.assigned(childId, piece)
    this.#deps.metrics.assigned()
    child.session.send({ case: 'assign', value: { taskId: taskIdToBytes(taskId), index: piece, parent, digest } })
  }

  /** For the child. Neither reason lets the scheduler try the same again at once. */
  #answer({ task, child: peer, piece, parent }: AssignCommand, reason: FailureReason): void {
    this.#deps.schedule({ type: 'piece-failed', task, peer, piece, parent, reason })
    this.#deps.task(task)?.swarm.wants(peer, 1)
  }

  /** No ticket outlives the word of the origin that opens a private content. */
  #allowedMs({ content, members }: Swarm, child: PeerId): number | undefined {
    return content.isPrivate ? (members.get(child)?.child?.access.allowedUntil ?? 0) - this.#deps.clock.now() : undefined
  }

  #cardOf(parent: PeerId): ParentCard | undefined {
    const cdnCard = this.#deps.cdnCard()
    return parent === cdnCard.peer ? cdnCard : this.#deps.peers.get(parent)?.card
  }
}

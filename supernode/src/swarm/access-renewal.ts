import { toDamselflyError, type Clock, type PeerId } from '@damselfly/shared'
import type { Logger } from '@damselfly/shared/logging'
import { isTransientOriginError, type Cdn } from '@damselfly/cdn'
import type { ChildRole } from './member.ts'
import type { Swarm } from './swarm.ts'
import type { Task } from './task.ts'

/** How often it is looked whose consent ends; milliseconds. */
const LOOK_EVERY_MS = 5_000

/** An origin's consent is asked for again so long before its end; milliseconds. */
const RENEW_BEFORE_MS = 60_000

export interface AccessRenewalDeps {
  readonly cdn: Pick<Cdn, 'authorize'>
  readonly tasks: () => Iterable<Task>
  readonly clock: Clock
  readonly stopping: AbortSignal
  readonly logger: Logger
}

/** Asks the origins of private contents again and again about those who download, and ends what is not allowed any more. */
export class AccessRenewal {
  readonly #deps: AccessRenewalDeps
  readonly #asking = new Set<ChildRole>()
  #cancelLook: (() => void) | undefined

  constructor(deps: AccessRenewalDeps) {
    this.#deps = deps
  }

  start(): void {
    this.#cancelLook = this.#deps.clock.after(LOOK_EVERY_MS, () => {
      this.#look()
      this.start()
    })
  }

  stop(): void {
    this.#cancelLook?.()
  }

  #look(): void {
    const soon = this.#deps.clock.now() + RENEW_BEFORE_MS
    for (const { swarm } of this.#deps.tasks()) {
      if (!swarm.content.isPrivate) continue
      for (const { peer, child } of swarm.children) {
        if (child !== undefined && child.access.allowedUntil <= soon && !this.#asking.has(child)) void this.#renew(swarm, peer, child)
      }
    }
  }

  async #renew(swarm: Swarm, peer: PeerId, child: ChildRole): Promise<void> {
    const { cdn, clock, stopping } = this.#deps
    const { access } = child
    this.#asking.add(child)
    try {
      access.allowedUntil = clock.now() + (await cdn.authorize(access.spec, access.credentials, stopping, RENEW_BEFORE_MS))
    } catch (error) {
      if (!stopping.aborted) this.#refused(swarm, peer, child, error)
    } finally {
      this.#asking.delete(child)
    }
  }

  /** Until its consent ends an origin may be out of order. */
  #refused(swarm: Swarm, peer: PeerId, child: ChildRole, error: unknown): void {
    const { clock, logger } = this.#deps
    const mayWait = isTransientOriginError(error) && clock.now() < child.access.allowedUntil
    // It may have gone, or asked anew, meanwhile.
    if (mayWait || swarm.members.get(peer)?.child !== child) return
    const { code, message } = toDamselflyError(error)
    logger.info({ peer, task: swarm.taskId, code, reason: message }, 'the origin lets a child go on no longer')
    swarm.expelChild(peer, toDamselflyError(error))
  }
}

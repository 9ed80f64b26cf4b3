import type { PeerId, TaskId } from '@damselfly/shared'
import type { BlocklistEntry, ChildWait, Scheduler, SchedulerCommand, SchedulerEvent, SchedulerStats } from '../../contract.ts'
import { formatEntry, formatHeader, type TraceHeader } from './trace-format.ts'

/**
 * A scheduler that writes down what it is told and what it answers.
 *
 * @param header how `scheduler` was made @param write takes whole lines
 */
export function recordScheduler(scheduler: Scheduler, header: TraceHeader, write: (text: string) => void): Scheduler {
  write(formatHeader(header))
  return new RecordingScheduler(scheduler, write)
}

class RecordingScheduler implements Scheduler {
  readonly #scheduler: Scheduler
  readonly #write: (text: string) => void

  constructor(scheduler: Scheduler, write: (text: string) => void) {
    this.#scheduler = scheduler
    this.#write = write
  }

  handle(event: SchedulerEvent, now: number): readonly SchedulerCommand[] {
    const commands = this.#scheduler.handle(event, now)
    this.#write(formatEntry({ at: now, event, commands }))
    return commands
  }

  nextTick(): number | undefined {
    return this.#scheduler.nextTick()
  }

  stats(): SchedulerStats {
    return this.#scheduler.stats()
  }

  snapshotBlocklist(): readonly BlocklistEntry[] {
    return this.#scheduler.snapshotBlocklist()
  }

  snapshotWait(task: TaskId, child: PeerId): ChildWait | undefined {
    return this.#scheduler.snapshotWait(task, child)
  }
}

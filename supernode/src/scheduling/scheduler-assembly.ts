import { randomInt } from 'node:crypto'
import { isAbsolute, join } from 'node:path'
import type { Clock } from '@damselfly/shared'
import type { Logger } from '@damselfly/shared/logging'
import { createScheduler, type PolicySet, type Scheduler, type SchedulerOptions } from '@damselfly/scheduler'
import { DecisionTrace } from '@damselfly/scheduler/explain'
import { guardPolicies } from '@damselfly/scheduler/plugin'
import { recordScheduler, seededRandom } from '@damselfly/scheduler/trace'
import type { SchedulerSettings } from '../config/scheduler-config.ts'
import { PolicyFaults } from './policy-faults.ts'
import { Recording } from './recording.ts'

export interface SchedulerInit {
  readonly settings: SchedulerSettings
  readonly dataDir: string
  readonly policies: PolicySet | undefined
  readonly clock: Clock
  readonly logger: Logger
}

export interface AssembledScheduler {
  readonly scheduler: Scheduler
  /** Undefined: none are kept. */
  readonly decisions: DecisionTrace | undefined
  readonly policyFaults: PolicyFaults
  /** Afterwards a recording is whole. */
  readonly stop: () => Promise<void>
}

/** The scheduler with whatever policies, trace and recording are configured. @throws DamselflyError DISK_DENIED, DISK_FULL, DISK_FAILED */
export async function assembleScheduler({ settings, dataDir, policies, clock, logger }: SchedulerInit): Promise<AssembledScheduler> {
  const policyFaults = new PolicyFaults(clock, logger)
  const { perTask, total } = settings.decisions
  const decisions = perTask === 0 || total === 0 ? undefined : new DecisionTrace({ perTask, total })
  const options: Omit<SchedulerOptions, 'random'> = {
    policies: policies === undefined ? undefined : guardPolicies(policies, (fault) => policyFaults.note(fault)),
    observer: decisions,
  }
  const { file, limit } = settings.record
  if (file === undefined) {
    const scheduler = createScheduler({ ...options, random: Math.random })
    return { scheduler, decisions, policyFaults, stop: async () => undefined }
  }
  const path = isAbsolute(file) ? file : join(dataDir, file)
  const recording = await Recording.open({ path, limit, logger })
  const seed = randomInt(2 ** 32)
  const header = { seed, policy: settings.policy }
  const scheduler = recordScheduler(createScheduler({ ...options, random: seededRandom(seed) }), header, (text) => recording.write(text))
  return { scheduler, decisions, policyFaults, stop: () => recording.stop() }
}

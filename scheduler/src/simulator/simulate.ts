import { createScheduler, type SchedulerOptions } from '../scheduler.ts'
import type { Scheduler } from '../contract.ts'
import type { AvailabilitySample } from './measure/availability.ts'
import type { Figures } from './measure/figures.ts'
import { boundsOf, measure, type Bounds } from './measure/measure.ts'
import { Recorder } from './measure/recorder.ts'
import { World } from './model/world.ts'
import { contentsOf, drawPeers } from './scenario/population.ts'
import type { Scenario } from './scenario/schema.ts'
import { seededRandom } from './seeded-random.ts'

/** A run that takes so many times longer than any could is given up. */
const LONGEST = 100

/** Between two samples for the pictures at first, as a share of the fluid bound. */
const SAMPLE_EVERY = 1 / 128

export interface SimulateOptions {
  /** @default the default policies */
  readonly policies?: SchedulerOptions['policies']
  /** Is told why something is decided. */
  readonly observer?: SchedulerOptions['observer']
  /** Stands between the simulation and the scheduler, to listen or to replace it. */
  readonly wrap?: (scheduler: Scheduler) => Scheduler
}

export interface Completion {
  /** When the child came, and when it had everything; milliseconds. */
  readonly joinedAt: number
  readonly completedAt: number
  readonly task: string
}

/** What the simulation itself took; unlike all else this depends on the machine. */
export interface Cost {
  /** What the scheduler was told. */
  readonly events: number
  /** CPU-seconds of the scheduler: its share of the time, applied to the CPU time of the process. */
  readonly schedulerCpu: number
  /** CPU-seconds of all. */
  readonly cpu: number
}

/** What came of a simulation. */
export interface Outcome {
  readonly figures: Figures
  readonly cost: Cost
  readonly bounds: Bounds
  /** In the order of completion. */
  readonly completions: readonly Completion[]
  /** How many wanted each piece of the first task, and how many had it when. */
  readonly availability: readonly AvailabilitySample[]
}

/** Runs the scheduler in a simulated network. The same scenario gives the same outcome, but for its cost. */
export function simulate(scenario: Scenario, options: SimulateOptions = {}): Outcome {
  const { wrap = (scheduler) => scheduler, ...decides } = options
  const contents = contentsOf(scenario)
  const bounds = boundsOf(scenario, contents)
  const recorder = new Recorder(contents[0] as (typeof contents)[0], Math.max(1, bounds.fluid * SAMPLE_EVERY))
  const scheduler = createScheduler({ ...decides, random: seededRandom(scenario.seed) })
  const random = seededRandom(~scenario.seed)
  const world = new World({ scenario, scheduler: wrap(scheduler), random, observer: recorder })
  const arriveUntil = scenario.arrivals.over * bounds.fluid
  world.populate(drawPeers(scenario, arriveUntil, random))
  const cost = costOf(world, () => world.run(arriveUntil + LONGEST * (bounds.fluid + scenario.children.stall)))
  return {
    figures: measure(scenario, world, recorder),
    cost,
    bounds,
    completions: recorder.finished.map(({ joinedAt, completedAt = Number.NaN, content: { task } }) => ({ joinedAt, completedAt, task })),
    availability: recorder.availability.samples,
  }
}

function costOf({ supernode }: World, run: () => void): Cost {
  const cpuBefore = process.cpuUsage()
  const wallBefore = performance.now()
  run()
  const wallMs = performance.now() - wallBefore
  const { user, system } = process.cpuUsage(cpuBefore)
  const cpu = (user + system) / 1e6
  return { events: supernode.events, schedulerCpu: (cpu * supernode.busyMs) / wallMs, cpu }
}

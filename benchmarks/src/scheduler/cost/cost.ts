import { setImmediate } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { BenchContext } from '../../bench.ts'
import { figure, type Figure } from '../../figure.ts'
import { ClosedSwarm } from './closed-swarm.ts'

const FEW = 1_000
const MANY = 10_000
const PIECES = 50
/** So often the code runs until the engine has compiled all of it well. */
const WARM_UPS = 5
const ROUNDS = 3

const BYTES_OF_BITSET = Math.ceil(PIECES / 8)

/** How often the time of a tick is taken, since a single one is too short. */
const TICKS = 100_000

/** What the scheduler itself costs: only the time that it works is taken, and nothing else runs in between. */
export async function costFigures({ rounds = ROUNDS, report }: BenchContext): Promise<readonly Figure[]> {
  for (let round = 0; round < WARM_UPS; round++) rateOf(FEW)
  const [few, many, growth]: [number[], number[], number[]] = [[], [], []]
  for (let round = 0; round < rounds; round++) {
    const [rateOfFew, rateOfMany] = [rateOf(FEW), rateOf(MANY)]
    few.push(rateOfFew)
    many.push(rateOfMany)
    growth.push(rateOfFew / rateOfMany)
    report(`cost  ${Math.round(rateOfFew)} and ${Math.round(rateOfMany)} assignments per CPU-second`)
    // Nothing here yields; an interruption is heard now.
    await setImmediate()
  }
  const idle = new ClosedSwarm(MANY, PIECES)
  idle.connect()
  const ticksAskedFor = idle.scheduler.nextTick() === undefined ? 0 : 1
  return [
    figure('cost: assignments per CPU-second, 1,000 peers', '/s', few, { op: '>=', value: 100_000 }),
    figure('cost: assignments per CPU-second, 10,000 peers', '/s', many, { op: '>=', value: 50_000 }),
    figure('cost: time of an assignment, 10,000 to 1,000 peers', 'x', growth, { op: '<=', value: 2 }),
    figure('cost: memory of a peer in a task beside its bitset, half-way', 'bytes', [memoryOfMember()], { op: '<=', value: 1024 }),
    figure('cost: ticks that 10,000 idle peers ask for', 'x', [ticksAskedFor], { op: '==', value: 0 }),
    figure('cost: tick with 10,000 idle peers', 'us', [microsecondsOfTick(idle)]),
  ]
}

/** Assignments per CPU-second of a whole swarm. */
function rateOf(children: number): number {
  const swarm = new ClosedSwarm(children, PIECES)
  swarm.connect()
  swarm.begin()
  swarm.run(PIECES)
  return swarm.work.assignments / swarm.work.cpu
}

/** What a task adds, for each of its peers, where these have had another one before; bytes. */
function memoryOfMember(): number {
  const first = new ClosedSwarm(MANY, PIECES)
  first.connect()
  first.begin()
  first.run(PIECES)
  first.forgetNetwork()
  const swarm = new ClosedSwarm(MANY, PIECES, first)
  const before = memoryInUse()
  swarm.begin()
  swarm.run(PIECES / 2)
  swarm.forgetNetwork()
  const bytes = memoryInUse() - before
  // It must be there until now.
  if (swarm.scheduler.stats().tasks !== 2) throw new Error('the swarm is gone')
  return bytes / MANY - BYTES_OF_BITSET
}

function memoryInUse(): number {
  collectGarbage()
  collectGarbage()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

function microsecondsOfTick({ scheduler }: ClosedSwarm): number {
  const started = performance.now()
  for (let tick = 0; tick < TICKS; tick++) scheduler.handle({ type: 'tick' }, tick)
  return ((performance.now() - started) * 1000) / TICKS
}

function collectGarbage(): void {
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
}

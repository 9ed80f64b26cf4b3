import { attackBench } from './attack/attack.ts'
import type { Bench } from './bench.ts'
import { cdnBench } from './cdn/cdn.ts'
import { firstBench } from './first/first.ts'
import { hostsBench } from './hosts/hosts.ts'
import { lanesBench } from './lanes/lanes.ts'
import { childrenBench } from './many/children/children.ts'
import { crowdBench } from './many/crowd/crowd.ts'
import { leakBench } from './many/leak/leak.ts'
import { peersBench } from './many/peers/peers.ts'
import { memoryBench } from './memory/memory.ts'
import { pullBench } from './pull/pull.ts'
import { regressionBench } from './regression/regression.ts'
import { schedulerBench } from './scheduler/scheduler.ts'
import { startBench } from './start/start.ts'
import { swarmBench } from './swarm/swarm.ts'

/** Every benchmark, in the order of the page. */
export const BENCHES: readonly Bench[] = [
  firstBench,
  lanesBench,
  cdnBench,
  pullBench,
  swarmBench,
  hostsBench,
  startBench,
  crowdBench,
  childrenBench,
  peersBench,
  leakBench,
  schedulerBench,
  memoryBench,
  attackBench,
  regressionBench,
]

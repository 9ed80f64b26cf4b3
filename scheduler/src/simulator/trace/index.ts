export { seededRandom } from '../seeded-random.ts'
export { recordScheduler } from './record.ts'
export { replayTrace, type Difference, type Replay } from './replay.ts'
export type { TraceEntry, TraceHeader } from './trace-format.ts'

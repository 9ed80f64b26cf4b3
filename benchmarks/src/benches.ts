import type { Bench } from './bench.ts'
import { firstBench } from './first/first.ts'

/** Every benchmark, in the order of the page. */
export const BENCHES: readonly Bench[] = [firstBench]

import { readScenarios, type Overrides } from '../../src/simulator/scenario/read-scenario.ts'
import type { Scenario } from '../../src/simulator/scenario/schema.ts'

/** Without any latency, so that times can be told in one's head: a piece of 1 MB takes a second at 1 MB/s. */
const PLAIN = `
title: A test
tasks: { pieces: 8, pieceSize: 1MB }
cdn: { upload: 1MB/s, uploadSlots: 1 }
peers:
  child: { count: 1, upload: 1MB/s, uploadSlots: 1 }
network: { latency: 0, laneSetup: 0 }
control: { latency: 0 }
`

/** A small scenario with these settings. */
export function scenarioWith(settings: Overrides = {}): Scenario {
  const [run] = readScenarios({ path: 'test.yaml', text: PLAIN }, settings)
  if (run === undefined) throw new Error('a file has at least one run')
  return run.scenario
}

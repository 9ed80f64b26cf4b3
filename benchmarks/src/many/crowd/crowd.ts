import type { Bench, BenchContext } from '../../bench.ts'
import { inRounds } from '../../rounds.ts'
import { explanation } from './explanation.ts'
import { figuresOf, type CrowdRuns } from './figures.ts'
import { withFiles, withServers, type Setting } from './setting.ts'
import { cold, describeRun, reference, warm } from './ways.ts'

const ROUNDS = 5

/** Many who want something small from one daemon at the same moment. */
export const crowdBench: Bench = {
  name: 'crowd',
  title: 'A thousand files of 1 to 64 KiB at once through one daemon, beside curl + openssl dgst',
  needs: ['nginx', 'curl', 'openssl'],
  explanation,
  run: async (context) => figuresOf(await measure(context)),
}

async function measure(context: BenchContext): Promise<CrowdRuns> {
  const { rounds = ROUNDS, report } = context
  return withFiles(context, async (origin) =>
    inRounds({
      rounds,
      ways: { reference, cold, warm },
      withSetting: async (work: (setting: Setting) => Promise<void>) => withServers(context, origin, work),
      describe: describeRun,
      report,
    }),
  )
}

import type { Bench, BenchContext } from '../bench.ts'
import { inRounds } from '../rounds.ts'
import { explanation } from './explanation.ts'
import { figuresOf, type FirstRuns } from './figures.ts'
import { withOrigin, withServers, type Setting } from './setting.ts'
import { aria2, cold, coldEncrypted, describeRun, reference, three, warm, warmEncrypted } from './ways.ts'

/** Bytes. */
const FILE_LENGTH = 512 * 1024 * 1024

const ROUNDS = 5

/** What a person does without us, and what it takes through us, side by side. */
export const firstBench: Bench = {
  name: 'first',
  title: 'curl + openssl dgst, aria2, dfget cold and warm, three peers cold; 512 MiB from nginx on loopback',
  needs: ['nginx', 'curl', 'openssl'],
  uses: ['aria2c'],
  explanation,
  run: async (context) => figuresOf(await measure(context)),
}

async function measure(context: BenchContext): Promise<FirstRuns> {
  const { rounds = ROUNDS, programs, report } = context
  return withOrigin(context, FILE_LENGTH, async (origin) =>
    inRounds({
      rounds,
      ways: {
        reference,
        aria2: programs.has('aria2c') ? aria2 : undefined,
        cold,
        warm,
        'cold encrypted': coldEncrypted,
        'warm encrypted': warmEncrypted,
        three,
      },
      withSetting: async (work: (setting: Setting) => Promise<void>) => withServers(context, origin, { peers: 3, encryptedPeers: 2 }, work),
      describe: describeRun,
      report,
    }),
  )
}

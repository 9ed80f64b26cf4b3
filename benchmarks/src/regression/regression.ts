import type { Bench, BenchContext } from '../bench.ts'
import { figure, median, type Figure } from '../figure.ts'
import { withOrigin, withServers, type Setting } from '../first/setting.ts'
import { cold, reference, warm } from '../first/ways.ts'
import { inRounds, ratios, type Runs } from '../rounds.ts'
import { savedResult } from '../saved-results.ts'
import { explanation } from './explanation.ts'
import { bareNode, small, version } from './starts.ts'

/** Bytes; small enough for a check of a minute or two. */
const FILE_LENGTH = 128 * 1024 * 1024

const ROUNDS = 3

/** How many times the saved ratio one may be. Generous, since machines differ and others use them too. */
const TOLERANCE = 1.5

const NAME = 'regression'

/** A quick look at whether something became much dearer; ratios only. */
export const regressionBench: Bench = {
  name: NAME,
  title: 'A quick look that warns when something takes half as much CPU again as when it was saved',
  needs: ['nginx', 'curl', 'openssl'],
  explanation,
  run: async (context) => figuresOf(await measure(context)).map(withLimit),
}

type WayName = 'reference' | 'cold' | 'warm' | 'bare Node.js' | 'version' | 'small'

/** What all of its ways have. */
interface Run {
  readonly wall: number
  readonly totalCpu: number
}

async function measure(context: BenchContext): Promise<Runs<WayName, Run>> {
  const { rounds = ROUNDS, report } = context
  return withOrigin(context, FILE_LENGTH, async (origin) =>
    inRounds<WayName, Setting, Run>({
      rounds,
      ways: { reference, cold, warm, 'bare Node.js': bareNode, version, small },
      withSetting: async (work) => withServers(context, origin, { peers: 2, encryptedPeers: 0 }, work),
      describe: ({ wall, totalCpu }) => `${wall.toFixed(2)} s, ${totalCpu.toFixed(2)} CPU-s`,
      report,
    }),
  )
}

function figuresOf(runs: Runs<WayName, Run>): readonly Figure[] {
  const ofStarts = (way: WayName, base: WayName): readonly Figure[] => [
    figure(`${way} / ${base}`, 'x', ratios(runs[way], runs[base], ({ wall }) => wall)),
    figure(`${way} CPU / ${base}`, 'x', ratios(runs[way], runs[base], ({ totalCpu }) => totalCpu)),
  ]
  return [...ofStarts('cold', 'reference'), ...ofStarts('warm', 'reference'), ...ofStarts('version', 'bare Node.js'), ...ofStarts('small', 'bare Node.js')]
}

/** Wall time gets none: where others use the machine too it varies more than anything that this could find. */
function withLimit(one: Figure): Figure {
  if (!one.id.includes('CPU')) return one
  const before = savedResult(NAME)?.figures.find(({ id }) => id === one.id)
  if (before === undefined) return one
  return figure(one.id, one.unit, one.samples, { op: '<=', value: median(before.samples) * TOLERANCE })
}

import type { Bench, BenchContext } from '../bench.ts'
import { peakMemory } from '../process-memory.ts'
import { inRounds } from '../rounds.ts'
import { explanation } from './explanation.ts'
import { figuresOf, type Measurements, type WayName } from './figures.ts'
import { manyTasks } from './many-tasks.ts'
import { withOrigins, withSupernode, writeLargeFile, type Origins, type Setting } from './setting.ts'
import { crowd, curlFirst, curlLimited, describeRun, fetch, fromNginx, hit, limited, reference, type Run } from './ways.ts'

const ROUNDS = 3

/** What the CDN costs: fetching once, and serving what it holds. */
export const cdnBench: Bench = {
  name: 'cdn',
  title: 'The CDN: 1 GiB fetched and served beside curl + openssl dgst and nginx, 100 children at once, memory, a million contents',
  needs: ['nginx', 'curl', 'openssl'],
  explanation,
  run: async (context) => figuresOf(await measure(context)),
}

async function measure(context: BenchContext): Promise<Measurements> {
  const { rounds = ROUNDS, report } = context
  return withOrigins(context, async (origins) => {
    const runs = await inRounds<WayName, Setting, Run>({
      rounds,
      ways: {
        reference,
        fetch,
        'nginx plain': fromNginx('plain', 'checked'),
        'hit plain': hit('plain', 'checked'),
        'nginx TLS': fromNginx('tls', 'checked'),
        'hit TLS': hit('tls', 'checked'),
        'nginx plain, unchecked': fromNginx('plain', 'unchecked'),
        'hit plain, unchecked': hit('plain', 'unchecked'),
        'curl first': curlFirst,
        crowd,
        'curl limited': curlLimited,
        limited,
      },
      withSetting: async (work) => withSupernode(context, origins, work),
      describe: describeRun,
      report,
    })
    return { runs, ...(await fetchLarge(context, origins)), many: await manyTasks(context) }
  })
}

async function fetchLarge(context: BenchContext, origins: Origins): Promise<Omit<Measurements, 'runs' | 'many'>> {
  const largeLength = await writeLargeFile(context, origins, 'large')
  let largeMemory = 0
  if (largeLength === 0) return { largeLength, largeMemory }
  await withSupernode(context, origins, async ({ host, supernode }) => {
    const told = await host.call('askAlone', { url: origins.nginx.url('large') })
    largeMemory = await peakMemory(supernode.program.pid)
    context.report(`large    ${told?.whole.toFixed(1) ?? '?'} s, ${(largeMemory / 1e6).toFixed(0)} MB`)
  })
  return { largeLength, largeMemory }
}

import type { Bench } from '../bench.ts'
import { inRounds } from '../rounds.ts'
import { explanation } from './explanation.ts'
import { figuresOf, type WayName } from './figures.ts'
import { withDaemons, withRegistry, type Setting } from './setting.ts'
import { describeRun, firstByte, manifestHead, manyAtOnce, pull, type Run } from './ways.ts'

const ROUNDS = 5

/** What a pull through the mirror costs. */
export const pullBench: Bench = {
  name: 'pull',
  title: 'Images through the mirror beside the registry itself: large and many layers, first bytes, many at once',
  needs: ['docker-registry', 'skopeo'],
  explanation,
  run: async (context) =>
    withRegistry(async (registry) => {
      const runs = await inRounds<WayName, Setting, Run>({
        rounds: context.rounds ?? ROUNDS,
        ways: {
          'many direct': pull('many'),
          'many cold': pull('many', 'cold'),
          'many second': pull('many', 'second'),
          'large direct': pull('large'),
          'large cold': pull('large', 'cold'),
          'large second': pull('large', 'second'),
          // By now the daemon has compiled what it runs.
          'first byte direct': firstByte(),
          'first byte cold': firstByte('cold'),
          'HEAD direct': manifestHead(),
          'HEAD mirror': manifestHead('cold'),
          '200 at once': manyAtOnce,
        },
        withSetting: async (work) => withDaemons(context, registry, work),
        describe: describeRun,
        report: context.report,
      })
      return figuresOf(runs, registry.lengths)
    }),
}

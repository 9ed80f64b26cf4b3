import { whyNoNetwork } from '@damselfly/test'
import type { Bench, BenchContext } from '../bench.ts'
import type { Figure } from '../figure.ts'
import { inRounds } from '../rounds.ts'
import { explanation } from './explanation.ts'
import { figuresOf, type WayName } from './figures.ts'
import { nodesFigures } from './nodes-figures.ts'
import { pullOnNodes, type NodesCase, type NodesRun } from './nodes.ts'
import { withDaemons, withRegistry, type ImageName, type Registry, type Setting } from './setting.ts'
import { describeRun, firstByte, manifestHead, manyAtOnce, pull, type Run } from './ways.ts'

const ROUNDS = 5

/** Pulled by both nodes before: they run for weeks, and so have their code compiled and know each other. */
const EARLIER: ImageName = 'quarter'

/** The nodes and the faster lines are those of a small cluster; where slower ones are the limit the processors are not. */
const NODES = {
  'one node, 100 Mbit/s': { nodes: 1, rate: 100_000_000, image: 'quarter', most: 1.1 },
  'eight nodes, 100 Mbit/s': { nodes: 8, rate: 100_000_000, image: 'large', most: 1.25 },
  'eight nodes, 25 Mbit/s': { nodes: 8, rate: 25_000_000, image: 'quarter', most: 1.25 },
} as const satisfies Record<string, NodesCase & { readonly most: number }>

type Case = keyof typeof NODES

/** Each takes a minute. */
const MOST_NODE_ROUNDS = 2

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
        withSetting: async (work) =>
          withDaemons(context, registry, async (setting) => {
            for (const node of ['cold', 'second'] as const) await pull(EARLIER, node)(setting)
            await work(setting)
          }),
        describe: describeRun,
        report: context.report,
      })
      return [...figuresOf(runs, registry.lengths), ...(await onNodes(context, registry))]
    }),
}

/** The image to nodes on hosts of their own, where the network is the limit. */
async function onNodes({ withLab, programs, report, rounds = MOST_NODE_ROUNDS }: BenchContext, registry: Registry): Promise<readonly Figure[]> {
  const reason = await whyNoNetwork()
  if (reason !== undefined) {
    report(`left out nodes on lines of their own: ${reason}`)
    return []
  }
  const on = (name: Case) => async (): Promise<NodesRun> => withLab(async (lab) => pullOnNodes({ lab, programs }, registry, NODES[name]))
  const cases = Object.keys(NODES) as Case[]
  const runs = await inRounds<Case, undefined, NodesRun>({
    rounds: Math.min(rounds, MOST_NODE_ROUNDS),
    warmUp: false,
    ways: Object.fromEntries(cases.map((name) => [name, on(name)])) as Record<Case, () => Promise<NodesRun>>,
    withSetting: async (work) => work(undefined),
    describe: ({ direct, last, fromRegistry, cpu, toolsCpu }) =>
      `last after ${last.toFixed(2)} s, one direct ${direct.toFixed(2)} s, ${fromRegistry.toFixed(2)} copies from the registry, ${cpu.toFixed(1)} CPU-s and ${toolsCpu.toFixed(1)} of the tools`,
    report,
  })
  return cases.flatMap((name) => nodesFigures(name, runs[name], NODES[name].most))
}

import { pageText, table } from '../../../scripts/reference/page.ts'
import type { Bench } from '../bench.ts'
import type { SavedResult } from '../saved-results.ts'
import { benchSection } from './bench-section.ts'
import { anchor, list, paragraph } from './markdown.ts'

/** Results by the name of their benchmark. */
export type Results = ReadonlyMap<string, SavedResult>

/** `docs/performance.md`: explanations from the benchmarks, figures from their saved results, nothing else. */
export function performancePage(benches: readonly Bench[], results: Results): string {
  return pageText('Performance', [
    paragraph(`What Damselfly costs and how fast it is, each figure in relation to what somebody would use instead. Everything
      here can be repeated: \`npm run bench\` measures all, \`npm run bench -- NAME\` one, with \`--save\` it renews this page.`),
    '## At a glance',
    overview(benches, results),
    '## How it is measured',
    list(METHOD),
    ...benches.flatMap((bench) => benchSection(bench, results.get(bench.name))),
  ])
}

const METHOD: readonly string[] = [
  `**Side by side.** In each round the reference and every way take turns (A B C, A B C, ...), on the same
   content. A first round warms up and does not count, except where every way starts programs of its own. What changes slowly on a machine so meets all alike.`,
  `**Ratios.** A ratio compares a way with the reference of the same round. The value is the median of the rounds; the
   spread from the least to the greatest stands beside it, in the plots as whiskers. Seconds depend on the machine,
   ratios far less; goals are therefore set on ratios.`,
  `**CPU-seconds** are user and system time of whole processes, as the kernel counts them in \`/proc\`. They depend less than
   wall time on what else the machine does; what touching cold memory costs is part of them too.`,
  `**Warm memory.** A virtual machine gives free memory back to its host, and touching such a page again takes longer than
   downloading it. Where files are moved a scratch file is therefore written and deleted right before each timed way, the
   reference included, until that gets no faster, so that all find the same memory ready; before that, what earlier
   ways left to be written to the disk is written. The kernel begins to give memory back after a second or two, so long ways still
   pay some of this; they compare worse for it, not better. [memory](#memory) shows what it is good for.`,
  `**Checked.** Whatever a way downloads is compared with the original after its time has been taken.`,
  `**Loopback.** All processes share one machine and its cores. That shows what the programs cost, not how a network of
   hosts would do; each section says what it does not show.`,
]

function overview(benches: readonly Bench[], results: Results): string {
  const rows = benches.map(({ name, title }) => {
    const result = results.get(name)
    const link = `[${name}](#${anchor(name)})`
    if (result === undefined) return [link, title, 'not measured yet', '']
    const goals = result.figures.flatMap(({ met }) => (met === undefined ? [] : [met]))
    const met = goals.filter((isMet) => isMet).length
    return [link, title, goals.length === 0 ? 'none set' : `${met} of ${goals.length}`, result.measuredAt.slice(0, 10)]
  })
  return table(['benchmark', 'what it compares', 'goals met', 'measured'], rows)
}

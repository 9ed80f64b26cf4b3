import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Bench } from '../bench.ts'
import { drawPlot } from '../plot/plot.ts'
import { savedResult } from '../saved-results.ts'
import { performancePage, type Results } from './performance-page.ts'

const DOCS = join(import.meta.dirname, '../../../docs')

/** What is to be written, by its path below `docs/`: the page, and a plot for each benchmark that has results. */
export function performancePages(benches: readonly Bench[]): ReadonlyMap<string, string> {
  const results: Results = new Map(
    benches.flatMap(({ name }) => {
      const result = savedResult(name)
      return result === undefined ? [] : [[name, result] as const]
    }),
  )
  const pages = new Map([['performance.md', performancePage(benches, results)]])
  for (const { name, title, explanation } of benches) {
    const result = results.get(name)
    if (result !== undefined) pages.set(`performance/${name}.svg`, drawPlot(title, explanation.plot, result.figures))
  }
  return pages
}

/** @returns the paths that were written */
export async function writePerformancePages(benches: readonly Bench[]): Promise<readonly string[]> {
  const pages = performancePages(benches)
  for (const [name, text] of pages) {
    const path = join(DOCS, name)
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, text)
  }
  return [...pages.keys()].map((name) => `docs/${name}`)
}

import type { Bench, BenchContext } from '../../bench.ts'
import { explanation } from './explanation.ts'
import { figuresOf, type Runs } from './figures.ts'
import { downloadInARow, FIRST, LAST, type Looks } from './in-a-row.ts'

/** Whether anything stays in memory that nobody needs any more, and how much what is kept takes. */
export const leakBench: Bench = {
  name: 'leak',
  title: 'Memory of a daemon and a supernode after 200 and after 2,000 downloads in a row',
  needs: ['nginx'],
  explanation,
  run: async (context) => figuresOf(await measure(context)),
}

async function measure(context: BenchContext): Promise<Runs> {
  const { rounds = 1 } = context
  const again: Looks[] = []
  const more: Looks[] = []
  for (let round = 0; round < rounds; round++) {
    again.push(await downloadInARow(context, FIRST))
    more.push(await downloadInARow(context, LAST))
  }
  return { again, more }
}

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Bench } from '../src/bench.ts'
import { BENCHES } from '../src/benches.ts'
import { figure } from '../src/figure.ts'
import { performancePage } from '../src/page/performance-page.ts'
import { performancePages } from '../src/page/write.ts'
import type { SavedResult } from '../src/saved-results.ts'

const DOCS = join(import.meta.dirname, '../../docs')

describe('the performance page', () => {
  for (const [name, text] of performancePages(BENCHES)) {
    it(`shows the saved results in docs/${name} (npm run docs writes it)`, () => {
      assert.equal(readFileSync(join(DOCS, name), 'utf8'), text)
    })
  }

  it('tells of every benchmark, also of those that were not measured yet', () => {
    const page = performancePage([sprint()], new Map())
    assert.match(page, /\| \[sprint\]\(#sprint\) \| runner against walker \| not measured yet \|/)
    assert.match(page, /`npm run bench -- sprint --save`/)
    assert.doesNotMatch(page, /sprint\.svg/)
  })

  it('says which goals were missed, with spread and circumstances', () => {
    const page = performancePage([sprint()], new Map([['sprint', result()]]))
    assert.match(page, /\| runner against walker \| 1 of 2 \| 2030-01-02 \|/)
    assert.match(page, /\| runner \/ walker \| 0\.500x \| 0\.400 to 0\.600 \| ≤ 0\.400x \| \*\*missed\*\* \|/)
    assert.match(page, /\| fouls \| 0x \| {2}\| = 0x \| met \|/)
    assert.match(page, /commit `0123456789ab-dirty`/)
    assert.match(page, /shoe 1\.2/)
  })
})

function sprint(): Bench {
  return {
    name: 'sprint',
    title: 'runner against walker',
    needs: [],
    explanation: { about: ['Who is faster?'], ways: { run: 'runs' }, limits: ['Hills.'], plot: [] },
    run: async () => [],
  }
}

function result(): SavedResult {
  return {
    bench: 'sprint',
    machine: { cpu: 'Abacus', cores: 2, memory: 2 ** 30, os: 'Linux', node: 'v26' },
    commit: '0123456789abcdef-dirty',
    figures: [
      figure('runner / walker', 'x', [0.5, 0.4, 0.6], { op: '<=', value: 0.4 }),
      figure('fouls', 'x', [0], { op: '==', value: 0 }),
    ],
    measuredAt: '2030-01-02T03:04:05.000Z',
    seconds: 3,
    loadBefore: 0.1,
    programs: { shoe: '1.2' },
  }
}

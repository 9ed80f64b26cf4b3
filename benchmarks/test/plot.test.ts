import assert from 'node:assert/strict'
import type { Panel } from '../src/explanation.ts'
import { figure } from '../src/figure.ts'
import { axisTo } from '../src/plot/axis.ts'
import { drawPlot } from '../src/plot/plot.ts'

const PANEL: Panel = {
  title: 'Wall & CPU',
  bars: [
    { label: 'ours', figure: 'ours' },
    { label: 'theirs', figure: 'theirs' },
  ],
  line: { value: 1, label: 'reference' },
}

describe('a plot', () => {
  it('has a bar and words for each figure, and leaves out those that were not measured', () => {
    const svg = drawPlot('title', [PANEL], [figure('ours', 'x', [1, 2, 3], { op: '<=', value: 2.5 })])
    assert.match(svg, />2x, goal ≤ 2\.50x</)
    assert.match(svg, />ours</)
    assert.doesNotMatch(svg, />theirs</)
  })

  it('shows a missed goal in another colour', () => {
    const fills = (goal: number): readonly string[] =>
      [...drawPlot('', [PANEL], [figure('ours', 'x', [2], { op: '<=', value: goal })]).matchAll(/<rect[^>]*fill="([^"]+)"/g)].map(([, fill]) => fill ?? '')
    assert.notDeepEqual(fills(1), fills(3))
  })

  it('keeps words from being read as markup', () => {
    const svg = drawPlot('<b>', [PANEL], [figure('ours', 'x', [1])])
    assert.match(svg, /Wall &amp; CPU/)
    assert.match(svg, /&lt;b&gt;/)
  })

  it('draws no panel without figures', () => {
    assert.doesNotMatch(drawPlot('title', [PANEL], []), /Wall/)
  })
})

describe('an axis', () => {
  it('has few round ticks from zero to what is to be seen', () => {
    assert.deepEqual(axisTo(7, 0, 100).ticks, [0, 2, 4, 6, 8])
    assert.deepEqual(axisTo(0.3, 0, 100).ticks, [0, 0.1, 0.2, 0.3])
    assert.deepEqual(axisTo(1500, 0, 100).ticks, [0, 500, 1000, 1500])
  })

  it('reaches from its start over its length', () => {
    const { position, ticks } = axisTo(7, 50, 100)
    assert.equal(position(0), 50)
    assert.equal(position(ticks.at(-1) ?? 0), 150)
  })

  it('holds when there is nothing but zero', () => {
    assert.ok(axisTo(0, 0, 100).ticks.length > 1)
  })
})

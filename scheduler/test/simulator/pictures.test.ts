import assert from 'node:assert/strict'
import { drawAvailability } from '../../src/simulator/draw/availability-picture.ts'
import { drawCompletionCurve } from '../../src/simulator/draw/completion-curve.ts'
import { ticksOf } from '../../src/simulator/draw/svg.ts'
import { simulate } from '../../src/simulator/simulate.ts'
import { scenarioWith } from './scenarios.ts'

const NUMBER = /="(?<number>-?[\d.]+)"/g

/** Every element is closed, and every number is one and within the picture. */
function assertDrawable(svg: string): void {
  assert.match(svg, /^<svg [^>]*>\n(?:<[^<>]*\/>\n|<text [^<>]*>[^<>]*<\/text>\n)*<\/svg>\n$/)
  assert.doesNotMatch(svg, /NaN|Infinity|undefined/)
  for (const { groups } of svg.matchAll(NUMBER)) assert.ok(Math.abs(Number(groups?.['number'])) <= 861)
}

describe('the pictures of a simulation', () => {
  const outcome = simulate(scenarioWith({ peers: { child: { count: 40, leave: 0.2, die: 0.1 } }, arrivals: { over: 0.5 } }))

  it('are well-formed', () => {
    assertDrawable(drawCompletionCurve('Some <title> & more', outcome))
    assertDrawable(drawAvailability('Some <title> & more', outcome))
  })

  it('are drawn of a run in which nobody finished, too', () => {
    assertDrawable(drawCompletionCurve('none', { ...outcome, completions: [] }))
    assertDrawable(drawAvailability('none', { ...outcome, completions: [], availability: [] }))
  })

  it('have axes with round numbers', () => {
    assert.deepEqual(ticksOf({ from: 0, to: 31, label: '' }), [0, 10, 20, 30])
    assert.deepEqual(ticksOf({ from: 0, to: 0.5, label: '' }), [0, 0.1, 0.2, 0.3, 0.4, 0.5])
    assert.deepEqual(ticksOf({ from: 0, to: 100, label: '' }), [0, 20, 40, 60, 80, 100])
  })
})

import assert from 'node:assert/strict'
import { nodesFigures } from '../src/pull/nodes-figures.ts'

describe('the figures of eight nodes', () => {
  const run = { direct: 20, last: 25, first: 22, fromRegistry: 1, cpu: 5, toolsCpu: 3 }

  it('compare the last node with one that pulls alone, and count what the registry sent', () => {
    const figures = nodesFigures('eight nodes, 100 Mbit/s', [run], 1.25)
    assert.deepEqual(
      figures.filter(({ met }) => met !== undefined).map(({ id, value, met }) => [id, value, met]),
      [
        ['eight nodes, 100 Mbit/s: last node / one direct', 1.25, true],
        ['eight nodes, 100 Mbit/s: blobs from the registry', 1, true],
      ],
    )
  })

  it('miss the goals when the last takes a third longer, or the registry sends a part twice', () => {
    const [time, sent] = nodesFigures('eight nodes, 100 Mbit/s', [{ ...run, last: 27, fromRegistry: 1.1 }], 1.25)
    assert.deepEqual([time?.met, sent?.met], [false, false])
  })
})

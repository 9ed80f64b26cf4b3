import assert from 'node:assert/strict'
import { explanation as children } from '../../src/many/children/explanation.ts'
import { figuresOf as childrenFigures } from '../../src/many/children/figures.ts'
import { explanation as crowd } from '../../src/many/crowd/explanation.ts'
import { figuresOf as crowdFigures } from '../../src/many/crowd/figures.ts'
import { explanation as leak } from '../../src/many/leak/explanation.ts'
import { figuresOf as leakFigures } from '../../src/many/leak/figures.ts'
import { explanation as peers } from '../../src/many/peers/explanation.ts'
import { figuresOf as peersFigures } from '../../src/many/peers/figures.ts'

describe('the benchmarks of many things at once', () => {
  const memory = [200e6, 210e6]
  const received = { held: 0, peers: 64 * 32 * 1024 ** 2, cdn: 0, origin: 0 }
  const childRun = { resident: memory, seconds: 9, daemonCpu: 3, supernodeCpu: 1, received }
  const crowdRun = { wall: 1, times: [1, 2], failed: 0, daemonCpu: 1, supernodeCpu: 1, daemonMemory: 2e8 }
  const looks = Array.from({ length: 5 }, (_, i) => ({ resident: 1e8 + i * 1e6, heap: 3e7, external: 1e7 }))
  const peersRun = {
    idle: { cpu: 0.01, memory: 3e8 },
    talk: { messagesPerCpuSecond: 20_000, messagesPerSecond: 10_000, memory: 3e8 },
    reunion: { connected: 10, announced: 11 },
  }

  for (const [name, { plot }, figures] of [
    ['children', children, childrenFigures(Array.from({ length: 5 }, () => childRun))],
    ['crowd', crowd, crowdFigures({ reference: [crowdRun], cold: [crowdRun], warm: [crowdRun] })],
    ['leak', leak, leakFigures({ again: [{ dfdaemon: looks, supernode: looks }], more: [{ dfdaemon: looks, supernode: looks }] })],
    ['peers', peers, peersFigures([peersRun])],
  ] as const) {
    it(`draw only what is measured: ${name}`, () => {
      const ids = new Set(figures.map(({ id }) => id))
      assert.equal(ids.size, figures.length)
      for (const { bars } of plot) for (const { figure } of bars) assert.ok(ids.has(figure), figure)
    })

    it(`meet their goals where nothing is wrong: ${name}`, () => {
      assert.deepEqual(figures.filter(({ met }) => met === false), [])
      assert.ok(figures.some(({ met }) => met === true))
    })
  }
})

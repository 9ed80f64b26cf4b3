import assert from 'node:assert/strict'
import { once } from 'node:events'
import { DamselflyError, VirtualClock } from '@damselfly/shared'
import fc from 'fast-check'
import type { ContentSource, SourceName } from '../../src/mirror/content-source.ts'
import { SteadyContent } from '../../src/mirror/steady-content.ts'

const STALL_MS = 1_000
const content = Buffer.from(Array.from({ length: 200 }, (_, index) => index))
const never = new AbortController().signal

describe('a content from several sources', () => {
  /** Each reading brings at most so many bytes, in order of the readings, and then fails or stalls. */
  function sourceOf(name: SourceName, portions: (number | 'stalls')[]): ContentSource & { readonly asked: number[] } {
    const asked: number[] = []
    return {
      name,
      asked,
      progress: () => 0,
      giveUp: () => Promise.resolve(),
      async *read({ start, end }, signal) {
        asked.push(start)
        const portion = portions.shift() ?? 0
        if (portion === 'stalls') {
          await once(signal, 'abort')
          throw signal.reason
        }
        for (let at = start; at < Math.min(start + portion, end + 1); at += 7) {
          yield content.subarray(at, Math.min(at + 7, start + portion, end + 1))
        }
        if (start + portion <= end) throw new DamselflyError('ORIGIN_UNREACHABLE', `${name} is cut`)
      },
    }
  }

  async function readAll(sources: readonly ContentSource[], clock: VirtualClock, start = 0): Promise<Buffer> {
    const steady = new SteadyContent({ sources, stallMs: STALL_MS, clock, onGivenUp: () => undefined, onBytes: () => undefined }, 0)
    const chunks: Uint8Array[] = []
    const timer = setInterval(() => clock.advance(STALL_MS), 1)
    try {
      for await (const bytes of steady.read({ start, end: content.length - 1 }, never)) chunks.push(bytes)
    } finally {
      clearInterval(timer)
    }
    return Buffer.concat(chunks)
  }

  it('goes on at the byte where one of them stopped', async () => {
    const [swarm, registry] = [sourceOf('swarm', [30, 200]), sourceOf('registry', [50])]
    assert.deepEqual(await readAll([swarm, registry], new VirtualClock()), content)
    assert.deepEqual([swarm.asked, registry.asked], [[0, 80], [30]])
  })

  it('waits for none that stalls', async () => {
    const [swarm, registry] = [sourceOf('swarm', ['stalls']), sourceOf('registry', [200])]
    assert.deepEqual(await readAll([swarm, registry], new VirtualClock(), 10), content.subarray(10))
    assert.deepEqual([swarm.asked, registry.asked], [[10], [10]])
  })

  it('fails with the last word when none brings anything any more', async () => {
    const [swarm, registry] = [sourceOf('swarm', [3]), sourceOf('registry', [])]
    await assert.rejects(readAll([swarm, registry], new VirtualClock()), { code: 'ORIGIN_UNREACHABLE' })
    assert.ok(swarm.asked.length + registry.asked.length <= 8)
  })

  it('is whole whatever they do, as long as one of them brings something', async () => {
    const portions = fc.array(fc.oneof(fc.integer({ min: 1, max: 60 }), fc.constant('stalls' as const)), { minLength: 1, maxLength: 5 })
    await fc.assert(
      fc.asyncProperty(portions, portions, async (first, second) => {
        const sources = [sourceOf('swarm', [...first, 200, 200, 200, 200, 200]), sourceOf('registry', [...second.filter((one) => one !== 'stalls'), 200])]
        assert.deepEqual(await readAll(sources, new VirtualClock()), content)
      }),
      { numRuns: 20 },
    )
  })
})

import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { seededRandom } from '@damselfly/scheduler/trace'
import { allTargets, keepInput, readCorpus } from '../../src/fuzz/corpus.ts'
import { fuzzTarget, Trial } from '../../src/fuzz/fuzz-target.ts'
import { Mutator } from '../../src/fuzz/mutate.ts'
import { shrink } from '../../src/fuzz/shrink.ts'
import type { FuzzTarget } from '../../src/fuzz/target.ts'

/** What enters one block after the other shows them one by one, as V8 would. */
function stairs(): { readonly target: FuzzTarget; readonly coverage: { readonly edges: number; fresh(): readonly string[]; know(edges: readonly string[]): void } } {
  const known = new Set<string>()
  let entered = new Set<string>()
  const run = (input: Uint8Array): void => {
    const text = Buffer.from(input).toString('latin1')
    let depth = 0
    while (depth < 4 && text[depth] === 'FUZZ'[depth]) entered.add(String(depth++))
    if (depth === 4) throw new TypeError('the end of the stairs')
  }
  return {
    target: { name: 'stairs', seeds: ['abcd'], words: ['F', 'U', 'Z'], run },
    coverage: {
      get edges() {
        return known.size
      },
      fresh() {
        const fresh = [...entered].filter((edge) => !known.has(edge))
        entered = new Set()
        return fresh
      },
      know: (edges) => edges.forEach((edge) => known.add(edge)),
    },
  }
}

describe('the corpus of the fuzzer', function () {
  // Four seconds; a busy machine takes many times that.
  this.timeout(300_000)

  it('does nothing that it must not, nor do the inputs that targets begin with', async () => {
    for (const { target, corpus } of await allTargets()) {
      const trial = new Trial(target)
      await target.start?.()
      try {
        for (const seed of target.seeds) assert.equal((await trial.try(Buffer.from(seed)))?.what, undefined, target.name)
        for (const [name, input] of readCorpus(corpus)) assert.equal((await trial.try(input))?.what, undefined, `${target.name}: ${name}`)
      } finally {
        await target.stop?.()
      }
    }
  })
})

describe('the fuzzer', function () {
  this.timeout(300_000)

  it('finds by coverage what chance does not find, makes it small, and finds it again with the same seed', async () => {
    const find = async (seed: number) => {
      const { target, coverage } = stairs()
      return fuzzTarget({ target, corpus: '/nonexistent' }, coverage, { seed, seconds: 30 })
    }
    const first = await find(5)
    assert.match(first.finding?.what ?? '', /TypeError: the end of the stairs/)
    assert.equal(Buffer.from(first.finding?.input ?? []).toString(), 'FUZZ')
    assert.ok(first.interesting.length >= 3)
    assert.deepEqual((await find(5)).inputs, first.inputs)
  })

  it('sees errors that nobody catches', async () => {
    const trial = new Trial({
      name: 'stray',
      seeds: [],
      run: async () => {
        void Promise.reject(new Error('left alone'))
        await new Promise((resolve) => setImmediate(resolve))
      },
    })
    assert.match((await trial.try(new Uint8Array(1)))?.what ?? '', /nobody caught Error: left alone/)
  })

  it('begins with what is kept of earlier runs', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'damselfly-corpus-'))
    try {
      keepInput(folder, Buffer.from('FUZZ'), 'once-found')
      const { target, coverage } = stairs()
      const { inputs, finding } = await fuzzTarget({ target, corpus: folder }, coverage, { seed: 1, seconds: 30 })
      assert.deepEqual([inputs, finding?.what.split('\n')[0]], [2, 'TypeError: the end of the stairs'])
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  it('changes inputs within their limit, the same way for the same numbers', () => {
    const [one, same] = [new Mutator(seededRandom(3), ['word'], 40), new Mutator(seededRandom(3), ['word'], 40)]
    const input = Buffer.from('range: 12-34')
    for (let i = 0; i < 500; i++) {
      const changed = one.mutate(input, Buffer.alloc(30, 1))
      assert.ok(changed.length <= 40)
      assert.deepEqual(changed, same.mutate(input, Buffer.alloc(30, 1)))
    }
  })

  it('makes inputs smaller as long as they do the same', async () => {
    const small = await shrink(Buffer.from('a lot of words and one needle among them'), async (input) => Buffer.from(input).toString().includes('needle'))
    assert.equal(Buffer.from(small).toString(), 'needle')
  })
})

import assert from 'node:assert/strict'
import { VirtualClock } from '@damselfly/shared'
import { HotPieces } from '../../src/storage/s3/hot-pieces.ts'

const SIZE = 10

describe('pieces of a bucket in memory', () => {
  let clock: VirtualClock
  let pieces: HotPieces
  let began: string[]
  let passes: Map<string, PromiseWithResolvers<Buffer>>

  beforeEach(() => {
    clock = new VirtualClock()
    pieces = new HotPieces(4 * SIZE, clock)
    began = []
    passes = new Map()
  })

  const passOf = (key: string) => (): Promise<Buffer> => {
    began.push(key)
    const pass = Promise.withResolvers<Buffer>()
    passes.set(key, pass)
    return pass.promise
  }
  const store = (key: string, length = SIZE): Promise<void> => pieces.store(key, length, passOf(key))
  const obtain = (key: string): Promise<Buffer> => pieces.obtain(key, SIZE, passOf(key))
  const finish = (key: string, length = SIZE): void => passes.get(key)?.resolve(Buffer.alloc(length, key))
  const turns = async (): Promise<void> => {
    for (let i = 0; i < 10; i++) await new Promise(setImmediate)
  }
  const kept = (...keys: string[]): string[] => keys.filter((key) => pieces.get(key) !== undefined)

  it('takes half of the memory for what is on its way, in the order of asking', async () => {
    const all = ['a', 'b', 'c'].map((key) => store(key))
    await turns()
    assert.deepEqual(began, ['a', 'b'])
    finish('b')
    await turns()
    assert.deepEqual(began, ['a', 'b', 'c'])
    finish('a')
    finish('c')
    await Promise.all(all)
    assert.deepEqual(kept('a', 'b', 'c'), ['a', 'b', 'c'])
  })

  it('lets through alone what is larger than that', async () => {
    const large = store('l', 3 * SIZE)
    const small = store('s')
    await turns()
    assert.deepEqual(began, ['l'])
    finish('l', 3 * SIZE)
    await large
    await turns()
    finish('s')
    await small
    assert.deepEqual(kept('l', 's'), ['l', 's'])
  })

  it('makes room for what comes, the least recently used first', async () => {
    for (const key of ['a', 'b', 'c', 'd']) {
      const stored = store(key)
      await turns()
      finish(key)
      await stored
    }
    assert.deepEqual(kept('b', 'c', 'a', 'd'), ['b', 'c', 'a', 'd'])
    void store('e')
    await turns()
    assert.deepEqual(kept('a', 'b', 'c', 'd'), ['a', 'c', 'd'])
  })

  it('fetches a piece once for all who want it', async () => {
    const both = [obtain('a'), obtain('a')]
    await turns()
    finish('a')
    const [one, other] = await Promise.all(both)
    assert.equal(one, other)
    assert.equal(await obtain('a'), one)
    assert.deepEqual(began, ['a'])
  })

  it('brings no more pieces than can be read, until they were read to their end', async () => {
    const all = ['a', 'b', 'c'].map((key) => obtain(key))
    await turns()
    for (const key of ['a', 'b']) finish(key)
    await Promise.all(all.slice(0, 2))
    await turns()
    assert.deepEqual(began, ['a', 'b'])
    pieces.readToEnd('a')
    await turns()
    assert.deepEqual(began, ['a', 'b', 'c'])
  })

  it('waits for a slow reader for seconds only', async () => {
    const all = ['a', 'b', 'c'].map((key) => obtain(key))
    await turns()
    for (const key of ['a', 'b']) finish(key)
    await Promise.all(all.slice(0, 2))
    clock.advance(4_999)
    await turns()
    assert.deepEqual(began, ['a', 'b'])
    clock.advance(1)
    await turns()
    assert.deepEqual(began, ['a', 'b', 'c'])
    assert.equal(clock.pending, 0)
  })

  it('gives the memory of a piece back once it has gone and nobody reads it', async () => {
    const obtained = obtain('a')
    await turns()
    finish('a')
    const bytes = await obtained
    pieces.delete('a')
    assert.equal(bytes.length, SIZE)
    await turns()
    assert.equal(pieces.get('a'), undefined)
    const large = pieces.obtain('l', 2048, passOf('l'))
    await turns()
    finish('l', 2048)
    const gone = await large
    pieces.delete('l')
    assert.equal(gone.length, 2048)
    await turns()
    assert.equal(gone.length, 0)
  })

  it('fetches again what could not be fetched', async () => {
    const failing = obtain('a')
    await turns()
    passes.get('a')?.reject(new Error('broken'))
    await assert.rejects(failing, /broken/)
    const again = obtain('a')
    await turns()
    finish('a')
    assert.equal((await again).length, SIZE)
    assert.equal(began.length, 2)
  })
})

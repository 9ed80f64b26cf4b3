import assert from 'node:assert/strict'
import { VirtualClock } from '@damselfly/shared'
import { HotPieces } from '../../src/storage/s3/hot-pieces.ts'

const SIZE = 16

describe('pieces of a bucket in memory', () => {
  let clock: VirtualClock
  let pieces: HotPieces
  let began: string[]
  let isTaken: boolean
  let passes: Map<string, PromiseWithResolvers<void>>

  beforeEach(() => {
    clock = new VirtualClock()
    pieces = new HotPieces(4 * SIZE, clock)
    began = []
    isTaken = true
    passes = new Map()
  })

  const passOf = (key: string) => async (target: Buffer): Promise<boolean> => {
    began.push(key)
    const pass = Promise.withResolvers<void>()
    passes.set(key, pass)
    await pass.promise
    target.fill(key)
    return isTaken
  }
  const store = (key: string, length = SIZE): Promise<void> => pieces.store(key, length, passOf(key))
  const obtain = (key: string): Promise<Buffer> => pieces.obtain(key, SIZE, async (target) => void (await passOf(key)(target)))
  const finish = (key: string): void => passes.get(key)?.resolve()
  const turns = async (): Promise<void> => {
    for (let i = 0; i < 10; i++) await new Promise(setImmediate)
  }
  const obtained = async (key: string): Promise<Buffer> => {
    const bytes = obtain(key)
    await turns()
    finish(key)
    return bytes
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
    finish('l')
    await large
    await turns()
    finish('s')
    await small
    assert.deepEqual(kept('l', 's'), ['s'])
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

  it('uses the memory of a piece again once it has gone and nobody reads it', async () => {
    const bytes = await obtained('a')
    pieces.delete('a')
    assert.equal(bytes.toString(), 'a'.repeat(SIZE))
    await turns()
    assert.equal(pieces.get('a'), undefined)
    const next = await obtained('b')
    assert.equal(next.buffer, bytes.buffer)
    assert.equal(next.toString(), 'b'.repeat(SIZE))
  })

  it('never uses memory again that a connection may still be sending', async () => {
    for (const [key, isOver] of [['a', false], ['b', true]] as const) {
      isTaken = isOver
      const stored = store(key)
      await turns()
      finish(key)
      await stored
      const before = pieces.get(key)?.buffer
      pieces.delete(key)
      await turns()
      assert.equal((await obtained(`${key}2`)).buffer === before, isOver)
      pieces.readToEnd(`${key}2`)
    }
    const failing = store('c')
    await turns()
    passes.get('c')?.reject(new Error('broken'))
    await assert.rejects(failing, /broken/)
  })

  it('keeps the memory of a piece that is being read, though others drove it out', async () => {
    const bytes = await obtained('a')
    for (const key of ['b', 'c', 'd', 'e']) {
      pieces.readToEnd(key)
      const stored = store(key)
      await turns()
      finish(key)
      await stored
    }
    assert.equal(pieces.get('a'), bytes)
    assert.equal(bytes.toString(), 'a'.repeat(SIZE))
    pieces.readToEnd('a')
    await turns()
    assert.equal(pieces.get('a'), undefined)
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

import assert from 'node:assert/strict'
import { chunksOf, collect, flowOf } from '../src/index.ts'

describe('a flow of what is iterated over', () => {
  let ended: boolean
  beforeEach(() => void (ended = false))

  async function* chunks(...texts: readonly string[]): AsyncGenerator<Uint8Array> {
    try {
      for (const text of texts) yield Buffer.from(text)
    } finally {
      ended = true
    }
  }

  it('brings all bytes in order', async () => {
    assert.equal((await collect(flowOf(chunks('a', 'bc', '', 'd')))).toString(), 'abcd')
    assert.ok(ended)
  })

  it('waits for the sink', async () => {
    const seen: string[] = []
    const gate = Promise.withResolvers<void>()
    const piped = flowOf(chunks('a', 'b')).pipe((bytes) => {
      seen.push(Buffer.from(bytes).toString())
      return seen.length === 1 ? gate.promise : undefined
    })
    await new Promise(setImmediate)
    assert.deepEqual(seen, ['a'])
    gate.resolve()
    await piped
    assert.deepEqual(seen, ['a', 'b'])
  })

  it('ends with what the sink throws, at once or later', async () => {
    const error = new Error('full')
    await assert.rejects(flowOf(chunks('a', 'b')).pipe(() => Promise.reject(error)), error)
    assert.ok(ended)
    const throwing = (): undefined => {
      throw error
    }
    await assert.rejects(flowOf(chunks('a', 'b')).pipe(throwing), error)
  })

  it('ends where it is cancelled', async () => {
    const flow = flowOf(chunks('a', 'b'))
    let count = 0
    await flow.pipe(() => {
      count++
      flow.cancel()
      return undefined
    })
    assert.equal(count, 1)
    assert.ok(ended)
  })

  it('brings nothing when it was cancelled before', async () => {
    const flow = flowOf(chunks('a'))
    flow.cancel()
    assert.equal((await collect(flow)).length, 0)
  })

  it('can be asked for item by item, also when the giver uses its memory again', async () => {
    const memory = Buffer.alloc(1)
    async function* reusing(): AsyncGenerator<Uint8Array> {
      for (const text of ['a', 'b', 'c']) {
        memory.write(text)
        yield memory
      }
    }
    const items: Uint8Array[] = []
    for await (const item of chunksOf(flowOf(reusing()))) items.push(item)
    assert.equal(Buffer.concat(items).toString(), 'abc')
  })

  it('ends with the one who asked for items and goes, and tells them how it failed', async () => {
    for await (const bytes of chunksOf(flowOf(chunks('a', 'b')))) {
      assert.equal(bytes.toString(), '97')
      break
    }
    assert.ok(ended)
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('a')
      throw new Error('broken')
    }
    const failed = chunksOf(flowOf(failing()))
    await failed.next()
    await assert.rejects(failed.next(), /broken/)
  })
})

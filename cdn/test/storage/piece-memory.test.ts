import assert from 'node:assert/strict'
import fc from 'fast-check'
import { capacityFor, PieceMemory } from '../../src/storage/s3/piece-memory.ts'

const MAX = 64

/** Takes so many bytes, or gives back what was taken so long ago, once or twice. */
const step = fc.oneof(fc.record({ take: fc.integer({ min: 0, max: 33 }) }), fc.record({ release: fc.nat(8), twice: fc.boolean() }))

describe('memory for pieces', () => {
  it('is never given to two at once, and never more than its bound and what is in use', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const memory = new PieceMemory(MAX)
        const taken: { readonly bytes: Buffer; readonly mark: number }[] = []
        for (const [number, todo] of steps.entries()) {
          if ('take' in todo) {
            const bytes = memory.take(todo.take)
            assert.equal(bytes.length, todo.take)
            taken.push({ bytes: bytes.fill(number % 251), mark: number % 251 })
          } else {
            const [released] = taken.splice(todo.release, 1)
            if (released !== undefined) memory.release(released.bytes)
            if (released !== undefined && todo.twice) memory.release(released.bytes)
          }
          for (const { bytes, mark } of taken) assert.ok(bytes.every((byte) => byte === mark))
          const inUse = taken.reduce((sum, { bytes }) => sum + capacityFor(bytes.length), 0)
          assert.ok(memory.bytes >= inUse && memory.bytes <= Math.max(MAX, inUse))
        }
      }),
    )
  })

  it('is used again, by its next user only', () => {
    const memory = new PieceMemory(MAX)
    const first = memory.take(20)
    memory.release(first)
    const second = memory.take(32)
    assert.equal(second.buffer, first.buffer)
    memory.release(first)
    assert.notEqual(memory.take(32).buffer, second.buffer)
  })
})

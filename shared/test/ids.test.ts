import assert from 'node:assert/strict'
import { isTaskId, taskIdFromBytes, taskIdToBytes } from '@damselfly/shared'
import fc from 'fast-check'

describe('task ids', () => {
  it('survive the way to bytes and back', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (bytes) => {
        const id = taskIdFromBytes(bytes)
        assert.ok(isTaskId(id))
        assert.deepEqual([...taskIdToBytes(id)], [...bytes])
      }),
    )
  })

  for (const length of [0, 31, 33]) {
    it(`are not made of ${length} bytes`, () => {
      assert.throws(() => taskIdFromBytes(new Uint8Array(length)), RangeError)
    })
  }

  for (const text of ['', 'a'.repeat(63), 'a'.repeat(65), 'A'.repeat(64), 'g'.repeat(64), `${'a'.repeat(64)}\n`]) {
    it(`are not ${JSON.stringify(text)}`, () => assert.equal(isTaskId(text), false))
  }
})

import assert from 'node:assert/strict'
import fc from 'fast-check'
import { ReadRing } from '../../src/channel/read-ring.ts'

const KEPT = 70_000

/** Fills the ring's memory as the system does for a socket: at most `wanted` bytes, all of them `value`. */
function read(ring: ReadRing, wanted: number, value: number, beforeDelivery: () => void = () => undefined): number {
  const { onread } = ring
  const room = typeof onread.buffer === 'function' ? onread.buffer() : onread.buffer
  const length = Math.min(wanted, room.length)
  room.fill(value, 0, length)
  beforeDelivery()
  assert.equal(onread.callback(length, room), true)
  return length
}

describe('a read ring', () => {
  it('leaves each byte as it is until so many more were delivered', () => {
    const size = fc.oneof(fc.integer({ min: 1, max: 300_000 }), fc.integer({ min: 1, max: 2000 }))
    const check = fc.property(fc.array(size, { minLength: 1, maxLength: 40 }), (sizes) => {
      const ring = new ReadRing(KEPT)
      const parts: { readonly bytes: Uint8Array; readonly value: number }[] = []
      ring.deliverTo((bytes) => void parts.unshift({ bytes, value: bytes[0] ?? 0 }))
      const lastAreIntact = (): void => {
        let left = KEPT
        for (const { bytes, value } of parts) {
          if (left <= 0) return
          const due = bytes.subarray(Math.max(0, bytes.length - left))
          assert.deepEqual([due[0], due[due.length - 1]], [value, value])
          left -= due.length
        }
      }
      const sums = sizes.map((wanted, index) => read(ring, wanted, index % 251, lastAreIntact))
      const delivered = parts.reduce((sum, { bytes }) => sum + bytes.length, 0)
      assert.equal(delivered, sums.reduce((sum, length) => sum + length, 0))
    })
    fc.assert(check)
  })

  it('always has room for a large read', () => {
    const ring = new ReadRing(KEPT)
    for (let round = 0; round < 1000; round++) assert.equal(read(ring, 64 * 1024, 1), 64 * 1024)
  })
})

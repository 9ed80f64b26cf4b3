import assert from 'node:assert/strict'
import { Bitset } from '@damselfly/shared'
import fc from 'fast-check'

const sizedMembers = fc.integer({ min: 0, max: 200 }).chain((size) =>
  fc.record({
    size: fc.constant(size),
    members: size === 0 ? fc.constant([]) : fc.array(fc.integer({ min: 0, max: size - 1 })),
  }),
)

describe('Bitset', () => {
  it('behaves like a Set of small integers', () => {
    const operation = fc.record({ kind: fc.constantFrom('add', 'delete', 'has'), index: fc.nat(99) })
    fc.assert(
      fc.property(fc.array(operation), (operations) => {
        const model = new Set<number>()
        const set = new Bitset(100)
        for (const { kind, index } of operations) {
          if (kind === 'has') assert.equal(set.has(index), model.has(index))
          else if (kind === 'delete') assert.equal(set.delete(index), model.delete(index))
          else {
            assert.equal(set.add(index), !model.has(index))
            model.add(index)
          }
          assert.equal(set.count, model.size)
        }
        assert.deepEqual([...set.members()], [...model].toSorted((a, b) => a - b))
      }),
    )
  })

  it('splits its range into members and missing', () => {
    fc.assert(
      fc.property(sizedMembers, ({ size, members }) => {
        const set = Bitset.of(size, members)
        const all = [...set.members(), ...set.missing()].toSorted((a, b) => a - b)
        assert.deepEqual(all, Array.from({ length: size }, (_, index) => index))
        assert.equal(set.isFull, [...set.missing()].length === 0)
      }),
    )
  })

  it('survives its byte form', () => {
    fc.assert(
      fc.property(sizedMembers, ({ size, members }) => {
        const set = Bitset.of(size, members)
        const copy = Bitset.fromBytes(set.toBytes(), size)
        assert.deepEqual([...copy.members()], [...set.members()])
        assert.equal(copy.count, set.count)
      }),
    )
  })

  it('reads any bytes, taking missing ones for zero and ignoring bits past its size', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 30 }), fc.nat(300), (bytes, size) => {
        const set = Bitset.fromBytes(bytes, size)
        assert.equal(set.count, [...set.members()].length)
        assert.ok([...set.members()].every((index) => index < size))
      }),
    )
  })

  it('puts the first member into the most significant bit', () => {
    assert.deepEqual([...Bitset.of(10, [0, 9]).toBytes()], [0x80, 0x40])
  })

  it('drops what a smaller size has no place for, and keeps it in the original', () => {
    const set = Bitset.of(20, [1, 9, 19])
    assert.deepEqual([...set.resized(10).members()], [1, 9])
    assert.deepEqual([...set.resized(40).members()], [1, 9, 19])
    assert.deepEqual([...set.members()], [1, 9, 19])
  })

  it('gives copies that change nothing in it', () => {
    const set = Bitset.of(8, [1])
    set.clone().add(2)
    set.toBytes()[0] = 0xff
    assert.deepEqual([...set.members()], [1])
  })

  it('is full with all members, and empty of size 0', () => {
    assert.ok(Bitset.full(13).isFull)
    assert.equal(Bitset.full(13).count, 13)
    assert.ok(new Bitset(0).isFull)
  })

  for (const index of [-1, 10, 1.5, Number.NaN, 2 ** 32]) {
    it(`has no place for ${index} among 10`, () => {
      const set = Bitset.of(10, [0])
      assert.throws(() => set.add(index), RangeError)
      assert.equal(set.count, 1)
    })
  }

  it('does not mistake an index past 32 bits for a small one', () => {
    assert.equal(Bitset.full(10).has(2 ** 32), false)
    assert.equal(Bitset.full(10).delete(2 ** 32), false)
  })
})

import fc from 'fast-check'

/** Where to cut bytes: lengths of portions, used in turns. */
export const cuts: fc.Arbitrary<readonly number[]> = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 6 })

/** The bytes in portions of these lengths, again and again. */
export function* portions(bytes: Uint8Array, lengths: readonly number[]): Generator<Uint8Array> {
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const end = at + (lengths[turn % lengths.length] ?? 1)
    yield bytes.subarray(at, end)
    at = end
  }
}

/** Bytes that are nearly a message: parts of real ones, in any order, with anything between. */
export function nearly(...parts: readonly string[]): fc.Arbitrary<Buffer> {
  const piece = fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...parts) }, { weight: 1, arbitrary: fc.string({ maxLength: 5 }) })
  const text = fc.array(piece, { maxLength: 12 }).map((pieces) => Buffer.from(pieces.join(''), 'latin1'))
  return fc.oneof(text, fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)))
}

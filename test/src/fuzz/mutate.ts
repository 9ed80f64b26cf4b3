/** Numbers at which decoders go wrong, as bytes and as text. */
const NUMBERS = [0, 1, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x1_0000, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff]
const TEXTS = ['0', '-1', '1', '65535', '65536', '4294967296', '9007199254740991', '9007199254740992', '18446744073709551615', '1e309', '0x10', '9'.repeat(40), '', '\0', '\r\n', '\u{1f40c}', '..', '%00', '"']

/** Changes inputs in small ways, one after the other, as its numbers say. */
export class Mutator {
  readonly #random: () => number
  readonly #words: readonly Uint8Array[]
  readonly #maxBytes: number

  /** @param random from 0 to below 1 */
  constructor(random: () => number, words: readonly string[], maxBytes: number) {
    this.#random = random
    this.#words = [...words, ...TEXTS].map((word) => Buffer.from(word))
    this.#maxBytes = maxBytes
  }

  /** @param other another input, of which parts may be taken */
  mutate(input: Uint8Array, other: Uint8Array): Uint8Array {
    let changed = input
    for (let left = 1 + this.#below(1 << this.#below(4)); left > 0; left--) changed = this.#once(changed, other)
    return changed.subarray(0, this.#maxBytes)
  }

  #once(input: Uint8Array, other: Uint8Array): Uint8Array {
    const from = this.#below(input.length + 1)
    const length = Math.min(input.length - from, 1 + this.#below(this.#below(4) === 0 ? 64 : 4))
    switch (this.#below(9)) {
      case 0:
        return this.#overwrite(input, from, [this.#below(256)])
      case 1:
        return this.#overwrite(input, from, [(input[from] ?? 0) ^ (1 << this.#below(8))])
      case 2:
        return splice(input, from, length, [])
      case 3:
        return splice(input, from, 0, input.subarray(from, from + length))
      case 4:
        return this.#overwrite(input, from, this.#number())
      case 5:
        return splice(input, from, this.#below(2) * length, this.#words[this.#below(this.#words.length)] ?? [])
      case 6: {
        const start = this.#below(other.length + 1)
        return splice(input, from, length, other.subarray(start, start + 1 + this.#below(64)))
      }
      case 7:
        return this.#replaceDigits(input)
      default:
        return splice(input, from, 0, Array.from({ length }, () => this.#below(256)))
    }
  }

  #number(): Uint8Array {
    const bytes = Buffer.alloc(4)
    const value = NUMBERS[this.#below(NUMBERS.length)] ?? 0
    if (this.#below(2) === 0) bytes.writeUInt32LE(value)
    else bytes.writeUInt32BE(value)
    const width = [1, 2, 4][this.#below(3)] ?? 4
    return this.#below(2) === 0 ? bytes.subarray(0, width) : bytes.subarray(4 - width)
  }

  /** A number in a text becomes another. */
  #replaceDigits(input: Uint8Array): Uint8Array {
    const text = Buffer.from(input).toString('latin1')
    const numbers = Array.from(text.matchAll(/\d+/g))
    const chosen = numbers[this.#below(numbers.length)]
    if (chosen === undefined) return input
    const { index, 0: digits } = chosen
    return splice(input, index, digits.length, Buffer.from(TEXTS[this.#below(TEXTS.length)] ?? ''))
  }

  #overwrite(input: Uint8Array, at: number, bytes: Iterable<number>): Uint8Array {
    const written = Uint8Array.from(bytes)
    return splice(input, at, written.length, written)
  }

  #below(end: number): number {
    return Math.floor(this.#random() * end)
  }
}

function splice(input: Uint8Array, at: number, remove: number, insert: ArrayLike<number>): Uint8Array {
  const result = new Uint8Array(input.length - Math.min(remove, input.length - at) + insert.length)
  result.set(input.subarray(0, at))
  result.set(insert, at)
  result.set(input.subarray(at + remove), at + insert.length)
  return result
}

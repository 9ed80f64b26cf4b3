export type Bencodable = number | string | Buffer | { readonly [key: string]: Bencodable }

/** The encoding of torrent files and tracker answers: whole numbers, byte strings, dictionaries. */
export function bencode(value: Bencodable): Buffer {
  if (typeof value === 'number') return Buffer.from(`i${value}e`)
  if (typeof value === 'string') return bencode(Buffer.from(value))
  if (Buffer.isBuffer(value)) return Buffer.concat([Buffer.from(`${value.length}:`), value])
  // Dictionaries have their keys in order.
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return Buffer.concat([Buffer.from('d'), ...entries.flatMap(([key, one]) => [bencode(key), bencode(one)]), Buffer.from('e')])
}

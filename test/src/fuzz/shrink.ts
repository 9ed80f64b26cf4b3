/** Tries that shrinking may cost. */
const MOST_TRIES = 600

/** A smaller input of which `isStillSo` holds too: parts are taken out, larger ones first. */
export async function shrink(input: Uint8Array, isStillSo: (smaller: Uint8Array) => Promise<boolean>): Promise<Uint8Array> {
  let best = input
  let tries = 0
  for (let size = best.length >> 1; size > 0; size >>= 1) {
    for (let at = 0; at < best.length && tries < MOST_TRIES; ) {
      const smaller = Buffer.concat([best.subarray(0, at), best.subarray(at + size)])
      tries++
      if (await isStillSo(smaller)) best = smaller
      else at += size
    }
  }
  return best
}

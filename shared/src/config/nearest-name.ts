import { closest, distance } from 'fastest-levenshtein'

/** How many edits still look like a slip: two, or a third of a long name. */
const MIN_EDITS = 2
const EDITS_PER_LENGTH = 1 / 3

/** The known name that `name` was probably meant to be; case does not count. */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  if (known.length === 0) return undefined
  const folded = known.map((candidate) => candidate.toLowerCase())
  const best = closest(name.toLowerCase(), folded)
  const allowed = Math.max(MIN_EDITS, Math.floor(name.length * EDITS_PER_LENGTH))
  return distance(name.toLowerCase(), best) <= allowed ? known[folded.indexOf(best)] : undefined
}

/** `did you mean 'x'?`, or all names that there are. */
export function suggestName(name: string, known: readonly string[]): string {
  const nearest = nearestName(name, known)
  if (nearest !== undefined) return `did you mean '${nearest}'?`
  return known.length === 0 ? 'none is known here' : `known are ${known.join(', ')}`
}

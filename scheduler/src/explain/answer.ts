import type { PeerId } from '@damselfly/shared'
import type { AssignmentDecision, Decision } from './decision.ts'
import { nameOf, parentNameOf, timeOf } from './words.ts'

/**
 * Why a child got a piece as it did, from the request to the end.
 *
 * @param decisions all that are known of the child, in their order
 */
export function answerOf(child: PeerId, piece: number, decisions: readonly Decision[]): string {
  const name = nameOf(child)
  const joined = decisions.findLast(({ type }) => type === 'joined')
  const assigned = decisions.filter((decision) => decision.type === 'assigned')
  const attempts = assigned.filter((one) => one.piece === piece)
  const [first] = attempts
  if (first === undefined) return wordsOfNone(name, piece, joined, assigned)
  const before = assigned.filter(({ number }) => number < first.number && number > (joined?.number ?? 0))
  const begun = joined === undefined || joined.number > first.number ? '' : ` ${timeOf(first.at - joined.at)} after it began to download`
  const others = before.length === 0 ? '' : `, after ${before.length} other${before.length === 1 ? '' : 's'}`
  const waited = waitedBy([...before, first])
  const wait = waited < 1 ? '' : ` In that time it had room for a further piece, and nobody to take it from, for ${timeOf(waited)}.`
  return `${name} was assigned piece ${piece}${begun}${others}.${wait} ${wordsOfAttempts(attempts)}`
}

function wordsOfNone(name: string, piece: number, joined: Decision | undefined, assigned: readonly AssignmentDecision[]): string {
  const since = joined === undefined ? '' : ' since it began to download'
  return `${name} was not assigned piece ${piece}, as far as decisions are kept: it had it already, got it from the origin itself, or still waits. It was assigned ${assigned.length} pieces${since}.`
}

function wordsOfAttempts(attempts: readonly AssignmentDecision[]): string {
  const ways = attempts.map((attempt) => `from ${parentNameOf(attempt)} (${attempt.outcome ?? 'under way'}${attempt.tookMs === undefined ? '' : ` after ${timeOf(attempt.tookMs)}`})`)
  return attempts.length === 1 ? `It was assigned ${ways.join('')}.` : `It took ${attempts.length} attempts: ${ways.join(', ')}.`
}

/** For how long in all; several credits that wait at once count once. */
function waitedBy(decisions: readonly AssignmentDecision[]): number {
  let [sum, until] = [0, -Infinity]
  for (const { at, waitedMs } of decisions) {
    sum += Math.max(0, at - Math.max(at - waitedMs, until))
    until = Math.max(until, at)
  }
  return sum
}

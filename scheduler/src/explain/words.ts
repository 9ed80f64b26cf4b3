import type { PeerId } from '@damselfly/shared'
import type { ChildWait } from '../contract.ts'
import type { AssignmentOutcome, Candidate } from './decision-observer.ts'
import type { AssignmentDecision, Decision } from './decision.ts'

/** How many characters of a peer's id tell it from the others; all ids begin alike. */
const NAME_LENGTH = 8

const YIELDING = ' It is background, which yields to foreground.'

/** A decision as one would tell it to a person. */
export function wordsOf(decision: Decision): string {
  const child = nameOf(decision.child)
  switch (decision.type) {
    case 'joined':
      return `${child} began to download, ${decision.order === 'in-order' ? 'in order' : 'rarest pieces first'}.`
    case 'back-to-source':
      return decision.reason === 'origin-failed'
        ? `${child} was sent to the origin itself: the origin failed the CDN, and no peer has what it needs.`
        : `${child} was sent to the origin itself: nobody that it may use has what it needs.`
    case 'assigned':
      return [wordsOfChoice(decision), wordsOfWait(decision), wordsOfReason(decision), wordsOfEnd(decision)].join(' ')
  }
}

/** What a child waits for now. @param now milliseconds on the scheduler's scale */
export function wordsOfChildWait(child: PeerId, wait: ChildWait, now: number): string {
  const { since, underWay, needed, withPeers, onTheWay, withCdn, nowhere, blockedParents, priority } = wait
  const places = [
    [withPeers, 'with peers that have no free slot or may not be used'],
    [onTheWay, 'only on their way to other peers'],
    [withCdn, 'only with the CDN, which has no free slot or may not be used'],
    [nowhere, 'not yet brought from the origin'],
  ] as const
  const where = places.flatMap(([pieces, place]) => (pieces === 0 ? [] : [`${pieces} ${pieces === 1 ? 'is' : 'are'} ${place}`]))
  const blocked = blockedParents === 0 ? '' : ` It may not use ${count(blockedParents, 'peer')} that did it harm.`
  return (
    `${nameOf(child)} has had room for a further piece for ${timeOf(now - since)}, with ${underWay} under way. ` +
    `Of the ${needed} that it needs beside, ${listed(where)}.${blocked}${priority === 'background' ? YIELDING : ''}`
  )
}

/** A peer by the end of its id. */
export function nameOf(peer: PeerId): string {
  return peer.length <= NAME_LENGTH ? peer : `…${peer.slice(-NAME_LENGTH)}`
}

/** The parent, or what it is. */
export function parentNameOf({ basis, parent }: AssignmentDecision): string {
  return basis === 'peer' ? nameOf(parent) : 'the CDN'
}

function wordsOfChoice(decision: AssignmentDecision): string {
  return `Piece ${decision.piece} to ${nameOf(decision.child)} from ${parentNameOf(decision)}.`
}

function wordsOfWait(decision: AssignmentDecision): string {
  const until = untilWhen(decision)
  if (decision.waitedMs < 1) return `It was assigned at once, when ${until}.`
  const yielding = decision.priority === 'background' ? YIELDING : ''
  return `${nameOf(decision.child)} had room for it for ${timeOf(decision.waitedMs)}, until ${until}.${yielding}`
}

/** What made the assignment possible. */
function untilWhen(decision: AssignmentDecision): string {
  const { trigger, triggerPeer, child, parent, basis } = decision
  const giver = parentNameOf(decision)
  const who = triggerPeer === undefined ? 'somebody' : triggerPeer === parent ? giver : nameOf(triggerPeer)
  const isOwn = triggerPeer === child
  switch (trigger) {
    case 'pieces-wanted':
      return isOwn ? 'it asked for more' : `${who} asked for more`
    case 'piece-done':
      if (isOwn) return 'it had finished another piece'
      return triggerPeer === parent ? `${giver} had received a piece itself` : `${who} had finished a piece, which freed a slot of ${giver}`
    case 'piece-failed':
      if (isOwn) return 'another assignment of its own had failed'
      return `an assignment to ${who} had failed, which freed a slot of ${giver}`
    case 'pieces-available':
      return basis === 'peer' ? `${who} had announced what it holds` : `${who} had brought more of the content`
    case 'pieces-dropped':
      return `${who} had dropped what it held`
    case 'uploads-shut':
      return `${who} had been forbidden to be a parent, or allowed again`
    case 'parent-caught':
      return `${who} had been caught sending wrong bytes`
    case 'peer-left':
      return `${who} had gone`
    case 'child-left':
      return isOwn ? 'it had stopped wanting others' : `${who} had stopped downloading, which freed a slot of ${giver}`
    case 'child-joined':
      return isOwn ? 'it joined' : `${who} had joined`
    case 'peer-joined':
    case 'capacity-changed':
      return `${who} had connected or changed what it can send`
    case 'task-registered':
      return 'the length of the content was known, or the CDN began to bring it anew'
    case 'task-removed':
      return 'another task was removed'
    case 'origin-failed':
      return 'the origin had failed the CDN'
    case 'tick':
      return 'a block or the patience with a late piece had ended'
  }
}

function wordsOfReason(decision: AssignmentDecision): string {
  const { basis, peers, holders, copies, candidates } = decision
  const child = nameOf(decision.child)
  const held = `${holders} of ${count(peers, 'peer')} had it${copies > holders ? ` and ${copies - holders} more would soon` : ''}`
  const others = candidates.length === 0 ? '' : ` Others: ${wordsOfCandidates(candidates)}.`
  switch (basis) {
    case 'peer':
      return holders === 1 ? `No other of ${count(peers, 'peer')} had it.${others}` : `${sentence(held)}${others}`
    case 'only-cdn':
      return copies === 0 ? `No peer had it or was about to.` : `${sentence(held)} but none that ${child} may use.${others}`.replace('. but', ', but')
    case 'peers-busy':
      return `${sentence(held)} All were busy and ${child} had nothing under way, so the CDN helped.${others}`
    case 'peers-slow':
      return `${sentence(held)} They are so slow that to wait for them would take longer.${others}`
  }
}

/** Those of whom the same is to be said are named together. */
function wordsOfCandidates(candidates: readonly Candidate[]): string {
  const namesByWords = new Map<string, string[]>()
  for (const candidate of candidates) {
    const words = wordsOfVerdict(candidate)
    namesByWords.set(words, [...(namesByWords.get(words) ?? []), candidate.isCdn ? 'the CDN' : nameOf(candidate.peer)])
  }
  return [...namesByWords].map(([words, names]) => `${listed(names)} ${words}`).join('; ')
}

function wordsOfVerdict({ verdict, blockedForMs }: Candidate): string {
  switch (verdict) {
    case 'busy':
      return 'had no free slot'
    case 'blocked':
      return Number.isFinite(blockedForMs) ? `could not be used for ${timeOf(blockedForMs)} more (blocked)` : 'could not be used (blocked)'
    case 'farther':
      return 'would have been farther away'
    case 'outside':
      return 'would have sent it from outside the local network'
    case 'relayed':
      return 'would have sent it through a relay'
    case 'second':
      return 'could have given it too'
    case 'spared':
      return 'was spared while peers could give it'
    case 'lacking':
      return 'did not hold it'
    case 'shut':
      return 'may not upload it, by a rule'
    case 'crossing':
      return 'would have sent it from another location once more'
  }
}

function listed(names: readonly string[]): string {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`
}

function wordsOfEnd({ outcome, tookMs = 0, child, parent }: AssignmentDecision): string {
  if (outcome === undefined) return 'It is under way.'
  return `${ENDS[outcome](nameOf(child), nameOf(parent))} after ${timeOf(tookMs)}.`
}

const ENDS: Readonly<Record<AssignmentOutcome, (child: string, parent: string) => string>> = {
  done: () => 'It was there',
  overtaken: (child) => `${child} had it from elsewhere`,
  corrupt: () => 'It failed, since the bytes were wrong,',
  timeout: () => 'It failed, since the parent stalled,',
  refused: () => 'It failed, since the parent refused,',
  unreachable: () => 'It failed, since the parent could not be reached,',
  cancelled: (child) => `${child} gave it up`,
  'child-left': (child) => `It ended because ${child} stopped`,
  'parent-left': (_child, parent) => `It was taken back because ${parent} no longer had it`,
  void: () => 'It was cancelled',
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`
}

/** @param ms a length of time */
export function timeOf(ms: number): string {
  if (ms < 1) return 'less than 1 ms'
  if (ms < 1000) return `${Math.round(ms)} ms`
  return ms < 600_000 ? `${(ms / 1000).toFixed(2)} s` : `${Math.round(ms / 60_000)} min`
}

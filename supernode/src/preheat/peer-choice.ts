import { createHash } from 'node:crypto'
import type { PeerId } from '@damselfly/shared'
import { PREHEAT_LIMITS } from './limits.ts'
import type { ContentRecord, PreheatRecord } from './preheat-record.ts'

/** A connected peer that takes preheats. */
export interface Candidate {
  readonly peer: PeerId
  readonly hostName: string
  readonly location: string
}

export interface Choice {
  readonly chosen: readonly Candidate[]
  /** Whether as many peers have the content or will have it as were asked for. */
  readonly isEnough: boolean
}

/**
 * Further peers for a content. Those who are asked for a number of peers are the same for all contents of a job, as long
 * as none of them fails, and others for another job.
 */
export function chooseFor(job: PreheatRecord, { targets }: ContentRecord, candidates: readonly Candidate[]): Choice {
  if (job.scope === 'supernode') return { chosen: [], isEnough: true }
  const known = new Set(targets.map(({ peer }) => peer))
  const others = candidates.filter(({ peer, location }) => !known.has(peer) && (job.location === '' || job.location === location))
  // All means those who were there when it began.
  if (job.scope === 'all') return known.size > 0 ? { chosen: [], isEnough: true } : { chosen: others.slice(0, PREHEAT_LIMITS.targets / job.contents.length), isEnough: others.length > 0 }
  const alive = targets.filter(({ state }) => state !== 'failed' && state !== 'left').length
  const room = Math.min(job.count - alive, job.count + PREHEAT_LIMITS.replacements - targets.length)
  const chosen = ranked(others, job.id).slice(0, Math.max(0, room))
  return { chosen, isEnough: alive + chosen.length >= job.count }
}

function ranked(candidates: readonly Candidate[], seed: string): Candidate[] {
  const ranks = new Map(candidates.map((candidate) => [candidate, createHash('sha256').update(`${seed} ${candidate.peer}`).digest('hex')]))
  return candidates.toSorted((a, b) => ((ranks.get(a) ?? '') < (ranks.get(b) ?? '') ? -1 : 1))
}

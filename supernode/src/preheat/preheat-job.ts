import { DamselflyError, type PeerId } from '@damselfly/shared'
import { PREHEAT_LIMITS } from './limits.ts'
import { chooseFor, type Candidate } from './peer-choice.ts'
import { isAtEnd, isOver, isSettled, type ContentRecord, type PreheatRecord, type TargetRecord } from './preheat-record.ts'

/** What is to be done next. */
export type Step =
  /** The CDN shall have the content. */
  | { readonly type: 'bring'; readonly content: number }
  /** The peer shall have it. */
  | { readonly type: 'ask'; readonly content: number; readonly peer: PeerId }
  /** The peer need not have it any more. */
  | { readonly type: 'withdraw'; readonly content: number; readonly peer: PeerId }

/** What a peer says of one content. */
export interface TargetReport {
  readonly isDone: boolean
  readonly error: DamselflyError | undefined
  readonly bytes: number
}

/** One preheat and how it goes on, without time and network: it is told what happened, and says what to do. */
export class PreheatJob {
  readonly record: PreheatRecord
  readonly #contentsAtOnce: number
  /** Contents that peers can get by now. */
  readonly #opened = new Set<ContentRecord>()
  /** Since when there are too few peers. */
  #shortSince: number | undefined

  constructor(record: PreheatRecord, contentsAtOnce: number) {
    this.record = record
    this.#contentsAtOnce = contentsAtOnce
  }

  get isOver(): boolean {
    return isOver(this.record)
  }

  /** After a restart: the CDN is asked anew, and peers may take a while to come back. */
  resume(now: number): void {
    for (const content of this.record.contents) {
      if (content.state === 'fetching') content.state = 'waiting'
      for (const target of content.targets) if (!isSettled(target)) leave(target, now)
    }
  }

  /** @param candidates connected peers that take preheats @param now milliseconds since 1970 */
  plan(candidates: readonly Candidate[], now: number): Step[] {
    if (this.isOver) return []
    if (this.record.state === 'waiting') this.#begin(candidates, now)
    const steps = [...this.#bring(), ...this.#giveUp(now)]
    this.#choose(candidates, now)
    steps.push(...this.#ask(candidates, now))
    this.#endIfDone(now)
    return steps
  }

  /** The origin has answered: peers may join. */
  opened(index: number, contentLength: number | undefined): void {
    const content = this.#content(index)
    content.contentLength = contentLength ?? content.contentLength
    this.#opened.add(content)
  }

  fetched(index: number, bytes: number): void {
    this.#content(index).bytes = bytes
  }

  held(index: number, bytes: number): void {
    const content = this.#content(index)
    if (content.state !== 'fetching') return
    Object.assign(content, { state: 'held', bytes, contentLength: bytes })
  }

  contentFailed(index: number, error: DamselflyError): Step[] {
    const content = this.#content(index)
    if (content.state !== 'fetching') return []
    Object.assign(content, { state: 'failed', error: { code: error.code, message: error.message } })
    return this.#settle(index, 'failed', content.error)
  }

  reported(index: number, peer: PeerId, { isDone, error, bytes }: TargetReport, now: number): void {
    const target = this.#content(index).targets.find((candidate) => candidate.peer === peer)
    if (target?.state !== 'running') return
    target.since = now
    if (error !== undefined) fail(target, error)
    else Object.assign(target, { bytes, state: isDone ? 'done' : 'running' })
  }

  peerLeft(peer: PeerId, now: number): void {
    for (const target of this.#targetsOf(peer)) if (!isSettled(target)) leave(target, now)
  }

  peerJoined(peer: PeerId, now: number): void {
    for (const target of this.#targetsOf(peer)) if (target.state === 'away') Object.assign(target, { state: 'waiting', since: now })
  }

  cancel(now: number): Step[] {
    if (this.isOver) return []
    const steps = this.record.contents.flatMap((content, index) => {
      if (!isAtEnd(content)) content.state = 'cancelled'
      return this.#settle(index, 'cancelled', null)
    })
    this.#end('cancelled', now)
    return steps
  }

  #begin({ length }: readonly Candidate[], now: number): void {
    this.record.state = 'running'
    this.#shortSince = length === 0 ? now : undefined
  }

  #bring(): Step[] {
    const { contents } = this.record
    let room = this.#contentsAtOnce - contents.filter(({ state }) => state === 'fetching').length
    return contents.flatMap((content, index): Step[] => {
      if (content.state !== 'waiting' || room <= 0) return []
      room--
      content.state = 'fetching'
      return [{ type: 'bring', content: index }]
    })
  }

  /** On peers that do not come back, or say nothing. */
  #giveUp(now: number): Step[] {
    return this.record.contents.flatMap(({ targets }, index) => {
      return targets.flatMap((target): Step[] => {
        const silence = now - target.since
        if (target.state === 'away' && silence >= PREHEAT_LIMITS.returnMs) {
          fail(target, new DamselflyError('PEER_UNREACHABLE', 'the peer went away and did not come back'), 'left')
        }
        if (target.state !== 'running' || silence < PREHEAT_LIMITS.silenceMs) return []
        fail(target, new DamselflyError('TIMEOUT', `the peer said nothing for ${PREHEAT_LIMITS.silenceMs / 1000} s`))
        return [{ type: 'withdraw', content: index, peer: target.peer }]
      })
    })
  }

  #choose(candidates: readonly Candidate[], now: number): void {
    let isShort = false
    for (const content of this.record.contents) {
      if (content.state === 'failed' || content.state === 'cancelled') continue
      const { chosen, isEnough } = chooseFor(this.record, content, candidates)
      isShort ||= !isEnough
      for (const { peer, hostName } of chosen) {
        content.targets.push({ peer, hostName, state: 'waiting', bytes: 0, error: null, since: now })
      }
    }
    this.#shortSince = isShort ? (this.#shortSince ?? now) : undefined
  }

  #ask(candidates: readonly Candidate[], now: number): Step[] {
    const connected = new Set(candidates.map(({ peer }) => peer))
    const asked = this.#askedOf()
    return this.record.contents.flatMap((content, index) => {
      const isThere = content.state === 'held' || this.#opened.has(content)
      return content.targets.flatMap((target): Step[] => {
        if (target.state !== 'waiting') return []
        if (!connected.has(target.peer)) return leave(target, now)
        const busy = asked.get(target.peer) ?? 0
        if (!isThere || busy >= PREHEAT_LIMITS.perPeer) return []
        asked.set(target.peer, busy + 1)
        Object.assign(target, { state: 'running', since: now })
        return [{ type: 'ask', content: index, peer: target.peer }]
      })
    })
  }

  #askedOf(): Map<PeerId, number> {
    const asked = new Map<PeerId, number>()
    for (const { targets } of this.record.contents) {
      for (const { state, peer } of targets) if (state === 'running') asked.set(peer, (asked.get(peer) ?? 0) + 1)
    }
    return asked
  }

  #endIfDone(now: number): void {
    const { contents } = this.record
    if (!contents.every((content) => isAtEnd(content) && content.targets.every(isSettled))) return
    if (this.#shortSince !== undefined && now - this.#shortSince < PREHEAT_LIMITS.patienceMs) return
    const isAnywhere = contents.some(({ state, targets }) => state === 'held' || targets.some((target) => target.state === 'done'))
    this.#end(contents.every((content) => this.#isDone(content)) ? 'done' : isAnywhere ? 'partial' : 'failed', now)
  }

  #isDone({ state, targets }: ContentRecord): boolean {
    if (state !== 'held') return false
    const done = targets.filter((target) => target.state === 'done').length
    return this.record.scope === 'peers' ? done >= this.record.count : done === targets.length
  }

  #end(state: PreheatRecord['state'], now: number): void {
    Object.assign(this.record, { state, endedAt: now })
    for (const content of this.record.contents) content.credentials = []
  }

  /** Ends what is still to come of one content. */
  #settle(index: number, state: 'failed' | 'cancelled', error: TargetRecord['error']): Step[] {
    return this.#content(index).targets.flatMap((target): Step[] => {
      if (isSettled(target)) return []
      const wasRunning = target.state === 'running'
      Object.assign(target, { state, error })
      return wasRunning ? [{ type: 'withdraw', content: index, peer: target.peer }] : []
    })
  }

  #content(index: number): ContentRecord {
    const content = this.record.contents[index]
    if (content === undefined) throw new RangeError(`there is no content ${index}`)
    return content
  }

  #targetsOf(peer: PeerId): TargetRecord[] {
    return this.record.contents.flatMap(({ targets }) => targets.filter((target) => target.peer === peer))
  }
}

function leave(target: TargetRecord, now: number): [] {
  if (target.state !== 'away') Object.assign(target, { state: 'away', since: now })
  return []
}

function fail(target: TargetRecord, { code, message }: DamselflyError, state: 'failed' | 'left' = 'failed'): void {
  Object.assign(target, { state, error: { code, message } })
}

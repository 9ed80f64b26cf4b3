import { DamselflyError, digestsEqual, isDamselflyError, originOf, type Clock, type HeaderMap, type PeerId } from '@damselfly/shared'
import type { Cdn, ContentSpec, OriginInfo } from '@damselfly/cdn'
import type { Task } from './task.ts'
import type { AttemptOutcome } from './task-source.ts'

/** Somebody who asks for a content. */
export interface Caller {
  readonly peer: PeerId
  readonly spec: ContentSpec
  readonly credentials: HeaderMap
  /** Aborts when the caller is gone. */
  readonly signal: AbortSignal
}

/** Asks the origin about a content without its body and without credentials. @throws as SourceClient.probe */
export type OriginProbe = (spec: ContentSpec, signal: AbortSignal) => Promise<OriginInfo>

export interface AdmissionDeps {
  readonly cdn: Cdn
  readonly probe: OriginProbe
  readonly clock: Clock
  readonly stopping: AbortSignal
}

/** How long an origin may take to confirm what the peers hold; milliseconds. */
const PROBE_TIMEOUT_MS = 2000

/** Answers of an origin that forbid handing out what the peers hold. */
const FORBIDDING: ReadonlySet<string> = new Set(['ORIGIN_NOT_FOUND', 'ORIGIN_FORBIDDEN', 'URL_REFUSED', 'RANGE_UNSATISFIABLE'])

/** Decides whether a caller may join a swarm, and makes sure that somebody brings the content. */
export class Admission {
  readonly #deps: AdmissionDeps

  constructor(deps: AdmissionDeps) {
    this.#deps = deps
  }

  /**
   * Resolves when the caller may join.
   *
   * @returns how long its origin lets it have a private content; milliseconds, 0 for one that is not private
   * @throws DamselflyError why the content cannot be had, or the caller's abort reason
   */
  async admit(task: Task, caller: Caller): Promise<number> {
    let hasTried = false
    for (;;) {
      caller.signal.throwIfAborted()
      const way = wayOf(task, caller)
      if (way === 'join') {
        const lasts = await this.#mayHave(task, caller)
        if (lasts !== undefined) return lasts
        continue
      }
      if (way === 'obtain' && hasTried) throw failureOf(task)
      const outcome = way === 'obtain' ? task.source.start({ ...caller, by: caller.peer }) : task.source.nextChange()
      hasTried ||= way === 'obtain'
      const { attempt, error } = await orAborted(outcome, caller.signal)
      if (error !== undefined && asksTheSame({ attempt, error }, caller)) throw error
    }
  }

  /** @returns for how long; undefined when the content turned out to be another one than the swarm has */
  async #mayHave(task: Task, caller: Caller): Promise<number | undefined> {
    const isCurrent =
      task.source.task === undefined && task.source.state.type !== 'passed-on'
        ? await this.#confirm(task, caller)
        : await orAborted(task.source.revalidate({ ...caller, by: caller.peer }), caller.signal)
    if (!isCurrent) return undefined
    if (!task.swarm.content.isPrivate) return 0
    // Also for the caller whose credentials started the fetch: the CDN may have had the content already.
    return await this.#deps.cdn.authorize(caller.spec, caller.credentials, caller.signal)
  }

  /** What only peers vouch for has to be what the origin serves, as it has to be where the CDN holds it. */
  async #confirm(task: Task, caller: Caller): Promise<boolean> {
    if (caller.spec.expectedDigest === undefined) return await orAborted(this.#confirmVersion(task, caller), caller.signal)
    task.confirmation ??= this.#probe(task, caller.spec)
    return await orAborted(task.confirmation, caller.signal)
  }

  async #confirmVersion({ swarm, source }: Task, { spec, credentials }: Caller): Promise<boolean> {
    const { content } = swarm
    const version = JSON.stringify([swarm.taskId, 'peers', content.validators])
    const held = { version, validators: content.validators, contentLength: content.layout?.contentLength, isPrivate: content.isPrivate }
    try {
      if ((await this.#deps.cdn.vouch(spec, credentials, held)) === 'current') return true
    } catch (error) {
      if (content.isPrivate || !isDamselflyError(error, 'ORIGIN_UNAUTHORIZED')) throw error
      if (swarm.content === content) swarm.turnPrivate()
      // The same once more, by the caller's own credentials.
      return false
    }
    // Others may have found that out already, and somebody may bring the other content by now.
    if (swarm.content === content && source.task === undefined) swarm.reset(new DamselflyError('ORIGIN_CHANGED', 'the content changed at the origin'))
    return false
  }

  /** A digest names its content for ever; the origin is asked whether strangers may have it. */
  async #probe(task: Task, spec: ContentSpec): Promise<boolean> {
    const timeout = new AbortController()
    const cancel = this.#deps.clock.after(PROBE_TIMEOUT_MS, () => timeout.abort(new DamselflyError('TIMEOUT', 'no answer')))
    try {
      await this.#deps.probe(spec, AbortSignal.any([timeout.signal, this.#deps.stopping]))
      return true
    } catch (error) {
      if (isDamselflyError(error, 'ORIGIN_UNAUTHORIZED')) task.swarm.turnPrivate()
      else if (isDamselflyError(error) && FORBIDDING.has(error.code)) {
        task.confirmation = undefined
        throw error
      }
      return true
    } finally {
      cancel()
    }
  }
}

/** What a caller does next. */
function wayOf({ swarm, source }: Task, caller: Caller): 'join' | 'wait' | 'obtain' {
  source.refresh()
  if (source.state.type === 'starting') return 'wait'
  const mayShare = swarm.isVerified || swarm.sourceOrigin === originOf(caller.spec.url)
  if (source.state.type === 'fetching') return mayShare ? 'join' : 'wait'
  if (source.state.type === 'complete') return 'join'
  if (source.state.type === 'passed-on') return mayShare && swarm.isPassedOn ? 'join' : 'obtain'
  return mayShare && swarm.isAvailable ? 'join' : 'obtain'
}

/** Whether the failure is this caller's own, or would be if it asked. */
function asksTheSame({ attempt }: AttemptOutcome, caller: Caller): boolean {
  return attempt.spec.url === caller.spec.url && sameHeaders(attempt.credentials, caller.credentials)
}

function failureOf({ source }: Task): DamselflyError {
  return source.state.type === 'failed'
    ? source.state.error
    : new DamselflyError('ORIGIN_CHANGED', 'the content changed at the origin while it was fetched')
}

function sameHeaders(a: HeaderMap, b: HeaderMap): boolean {
  if (a.size !== b.size) return false
  return [...a].every(([name, value]) => {
    const other = b.get(name)
    return other !== undefined && digestsEqual(Buffer.from(other), Buffer.from(value))
  })
}

/** The promise's result, or the signal's reason if that comes first. */
export async function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>()
  const abort = (): void => aborted.reject(signal.reason)
  signal.addEventListener('abort', abort, { once: true })
  if (signal.aborted) abort()
  try {
    return await Promise.race([promise, aborted.promise])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

import { isDamselflyError, type Clock } from '@damselfly/shared'
import type { OriginInfo, OriginRequest, SourceClient } from '../source-client.ts'
import { isTransientOriginError, retryAfterOf } from '../transience.ts'
import type { CdnLimits } from './limits.ts'
import { pauseOrThrow } from './waiting.ts'

/** Whoever waits for the answer does not wait longer than this for an origin that wants a pause; milliseconds. */
const LONGEST_PAUSE_MS = 2_000

export interface PatientProbeInit {
  readonly source: Pick<SourceClient, 'probe'>
  readonly clock: Clock
  readonly limits: Pick<CdnLimits, 'backoffMs' | 'freshnessTries'>
}

/**
 * Asks an origin about a content, again after each refusal that will soon be over: one of them must not send all who wait
 * to the origin, or away.
 *
 * @throws as SourceClient.probe
 */
export async function probePatiently({ source, clock, limits }: PatientProbeInit, request: OriginRequest): Promise<OriginInfo> {
  for (let tries = 1; ; tries++) {
    try {
      return await source.probe(request)
    } catch (error) {
      const wait = Math.max(limits.backoffMs * 2 ** (tries - 1), retryAfterOf(error) ?? 0)
      const isPassing = isDamselflyError(error, 'ORIGIN_STATUS') && isTransientOriginError(error)
      if (!isPassing || tries >= limits.freshnessTries || wait > LONGEST_PAUSE_MS) throw error
      await pauseOrThrow(clock, wait, request.signal)
    }
  }
}

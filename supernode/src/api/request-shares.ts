import { DamselflyError, TimeShares, type Clock } from '@damselfly/shared'
import type { ApiServer } from '@damselfly/shared/http-api'

/** What one caller's requests may take of the supernode's time: a quarter, after two seconds at once. */
const SHARE = { share: 0.25, burstMs: 2000 } as const

/** A request that waits for something else costs no more than this; milliseconds. */
const MOST_OF_REQUEST_MS = 50

const REFUSED = 429

/** Refuses callers of the API that ask all the time, so that peers are heard too. To be put on the server after the guard. */
export function shareTime(app: ApiServer, clock: Clock): void {
  const shares = new TimeShares<string>({ ...SHARE, clock })
  app.addHook('onRequest', async ({ caller }, reply) => {
    if (caller === undefined) return
    const wait = shares.waitOf(caller.name)
    if (wait === 0) return
    reply.header('retry-after', Math.ceil(wait / 1000))
    throw new DamselflyError('TOO_MANY_REQUESTS', `${caller.name} has asked for too much; try again in ${Math.ceil(wait / 1000)} s`)
  })
  app.addHook('onResponse', async ({ caller }, reply) => {
    if (caller !== undefined && reply.statusCode !== REFUSED) shares.spend(caller.name, Math.min(MOST_OF_REQUEST_MS, reply.elapsedTime))
  })
}

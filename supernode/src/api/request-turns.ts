import type { ApiServer } from '@damselfly/shared/http-api'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { TooManyRequests, type CallerTurns } from './caller-turns.ts'

/** What a refusal costs at least, with all that is done before and after it; milliseconds. */
const REFUSAL_COST_MS = 0.5

/** What watches over the program must be answered, whatever others at its address do; that costs next to nothing. */
const ALWAYS_ANSWERED: ReadonlySet<string> = new Set(['/healthz', '/readyz'])

/** Before a request's turn is over. */
type End = (leastMs?: number) => void

/** Makes callers of the API who ask all the time wait, so that peers and other callers are heard too. */
export class RequestTurns {
  readonly #turns: CallerTurns
  readonly #ends = new WeakMap<FastifyRequest, End>()
  readonly #begun = new WeakSet<FastifyRequest>()

  constructor(turns: CallerTurns) {
    this.#turns = turns
  }

  /** To be put on the server after the guard. */
  addTo(app: ApiServer): void {
    app.addHook('onRequest', async (request, reply) => {
      if (ALWAYS_ANSWERED.has(request.routeOptions.url ?? '')) return
      const end = await this.#begin(request, reply)
      this.#ends.set(request, end)
      // Whoever goes away before all of the request has come is not worked for; whoever goes later is.
      reply.raw.once('close', () => {
        if (!this.#begun.has(request)) end()
      })
    })
    app.addHook('preHandler', async (request) => void this.#begun.add(request))
    app.addHook('onSend', async (request) => this.#ends.get(request)?.())
  }

  /** Somebody's credentials are not taken: where many such come from one address the answers take their time. @throws TooManyRequests */
  async refused(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const end = await this.#begin(request, reply)
    end(REFUSAL_COST_MS)
  }

  async #begin(request: FastifyRequest, reply: FastifyReply): Promise<End> {
    try {
      return await this.#turns.begin(request.caller?.name ?? `address ${request.clientGroup}`)
    } catch (error) {
      // Another connection costs the caller more than the refusal costs here.
      if (error instanceof TooManyRequests) reply.header('retry-after', error.retryAfter).header('connection', 'close')
      throw error
    }
  }
}

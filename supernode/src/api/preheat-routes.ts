import { DamselflyError, formatDigest, originOf, splitHeaders } from '@damselfly/shared'
import { apiErrorBody, type ApiServer } from '@damselfly/shared/http-api'
import type { SourceClient } from '@damselfly/cdn'
import * as z from 'zod'
import type { ContentRequest } from '../preheat/content-spec.ts'
import { PREHEAT_LIMITS } from '../preheat/limits.ts'
import type { PreheatRequest, Preheats } from '../preheat/preheats.ts'
import { pageOf } from './page.ts'
import { preheatBodyOf, preheatDetailOf, targetBodiesOf } from './preheat-bodies.ts'
import {
  newPreheatBody,
  preheatBody,
  preheatDetailBody,
  preheatListBody,
  preheatQuery,
  targetListBody,
  targetQuery,
  type NewPreheat,
} from './preheat-schemas.ts'

const PREHEATS_PATH = '/api/v1/preheats'

/** Room for a thousand URLs. Bytes. */
const MAX_BODY_BYTES = 2 * 1024 * 1024

/** How long an origin may take to list what a URL leads to; milliseconds. */
const LISTING_MS = 30_000

export interface PreheatSources {
  readonly preheats: Preheats
  /** What names the contents below a URL. */
  readonly sources: Pick<SourceClient, 'list'>
}

const params = z.object({ id: z.string().max(64) })
const refusals = { 400: apiErrorBody, 401: apiErrorBody, 404: apiErrorBody }

export function addPreheatRoutes(app: ApiServer, { preheats, sources }: PreheatSources): void {
  app.post(
    PREHEATS_PATH,
    {
      bodyLimit: MAX_BODY_BYTES,
      schema: {
        description: 'Brings contents to the supernode, and to peers, before anybody wants them; in the background. Goes on after a restart.',
        body: newPreheatBody,
        response: { 202: preheatBody, '4xx': apiErrorBody, '5xx': apiErrorBody },
      },
    },
    async ({ body }, reply) => reply.code(202).send(preheatBodyOf(await preheats.add(requestOf(body, await listed(sources, body))))),
  )
  app.get(
    PREHEATS_PATH,
    {
      schema: {
        description: 'Preheats under way and those that were over lately, in the order of their ids.',
        querystring: preheatQuery,
        response: { 200: preheatListBody, 400: apiErrorBody, 401: apiErrorBody },
      },
    },
    async ({ query: { state, after, limit } }) => {
      const matching = [...preheats.list()].filter((record) => state === undefined || record.state === state)
      const { items, next } = pageOf(matching, ({ id }) => id, after, limit)
      return { preheats: items.map(preheatBodyOf), next }
    },
  )
  app.get(
    `${PREHEATS_PATH}/:id`,
    { schema: { description: 'One preheat, with each of its contents.', params, response: { 200: preheatDetailBody, ...refusals } } },
    async ({ params: { id } }) => preheatDetailOf(preheats.get(id)),
  )
  app.get(
    `${PREHEATS_PATH}/:id/targets`,
    {
      schema: {
        description: 'How each content of a preheat fares on each peer.',
        params,
        querystring: targetQuery,
        response: { 200: targetListBody, ...refusals },
      },
    },
    async ({ params: { id }, query: { state, after, limit } }) => {
      const matching = targetBodiesOf(preheats.get(id)).filter(({ body }) => state === undefined || body.state === state)
      const { items, next } = pageOf(matching, ({ key }) => key, after, limit)
      return { targets: items.map(({ body }) => body), next }
    },
  )
  app.post(
    `${PREHEATS_PATH}/:id/cancel`,
    {
      schema: {
        description: 'Ends a preheat, if it is not over; what is there stays.',
        params,
        response: { 200: preheatBody, ...refusals },
      },
    },
    async ({ params: { id } }) => preheatBodyOf(await preheats.cancel(id)),
  )
  app.delete(
    `${PREHEATS_PATH}/:id`,
    { schema: { description: 'Ends a preheat, if it is not over, and forgets it.', params, response: { 204: z.null(), ...refusals } } },
    async ({ params: { id } }, reply) => {
      await preheats.remove(id)
      return reply.code(204).send(null)
    },
  )
}

type Named = Pick<ContentRequest, 'url' | 'digest'>

/** What a listing leads to. @throws DamselflyError USAGE when that is too much; as SourceClient.list */
async function listed(sources: PreheatSources['sources'], { list: url, platforms, headers }: NewPreheat): Promise<Named[]> {
  if (url === undefined) return []
  const { credentials, variant } = splitHeaders(headers)
  const found: Named[] = []
  const request = { url, headers: new Map([...variant, ...credentials]), platforms, signal: AbortSignal.timeout(LISTING_MS) }
  for await (const content of sources.list?.(request) ?? []) {
    found.push({ url: content.url, digest: content.digest === undefined ? undefined : formatDigest(content.digest) })
    if (found.length > PREHEAT_LIMITS.contents) throw new DamselflyError('USAGE', `the URL leads to more than ${PREHEAT_LIMITS.contents} contents`)
  }
  return found
}

/** @throws DamselflyError USAGE */
function requestOf({ urls, digest, scope, peers, location, key, ...rest }: NewPreheat, others: readonly Named[]): PreheatRequest {
  if (digest !== undefined && urls.length !== 1) throw new DamselflyError('USAGE', 'a digest is that of one URL')
  const chosen = scope ?? (peers === undefined ? 'supernode' : 'peers')
  if (peers !== undefined && chosen !== 'peers') throw new DamselflyError('USAGE', `a number of peers does not go with the scope ${chosen}`)
  const named = [...[...new Set(urls)].map((url) => ({ url, digest })), ...others]
  if (named.length === 0) throw new DamselflyError('USAGE', 'there is nothing to preheat: give urls, or a list that leads to something')
  const { headers, filteredQueryParams, tag, application, range } = rest
  if (splitHeaders(headers).credentials.size > 0 && new Set(named.map(({ url }) => originOf(url))).size > 1) {
    throw new DamselflyError('USAGE', 'credentials are for one origin: make a preheat for each')
  }
  const contents = named.map((content) => ({ ...content, headers, filteredQueryParams, tag, application, range }))
  return { key, scope: chosen, count: chosen === 'peers' ? (peers ?? 1) : 0, location, contents }
}

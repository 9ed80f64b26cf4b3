import { DamselflyError, type PeerId } from '@damselfly/shared'
import { apiErrorBody, type ApiServer } from '@damselfly/shared/http-api'
import { isPeerId } from '@damselfly/exchange'
import * as z from 'zod'
import { ADMISSION_MODES, type PeerAdmission } from '../admission/peer-admission.ts'
import { peerStanding } from '../admission/peer-standings.ts'
import { pageOf } from './page.ts'
import { pageQuery } from './schemas.ts'

export interface AdmissionSources {
  readonly peerAdmission: PeerAdmission
}

const params = z.object({ id: z.string().max(128).describe('PeerId') })
const decision = z.strictObject({ note: z.string().max(300).default('').describe('Why, or whose peer it is') }).prefault({})

export function addAdmissionRoutes(app: ApiServer, { peerAdmission }: AdmissionSources): void {
  app.get(
    '/api/v1/admission',
    {
      schema: {
        description: 'Which peers may join, and those that joined with a token, were named or were revoked, in the order of their ids.',
        querystring: pageQuery,
        response: { 200: z.object({ mode: z.enum(ADMISSION_MODES), peers: z.array(peerStanding), next: z.string().nullable() }), '4xx': apiErrorBody },
      },
    },
    async ({ query }) => {
      const { items, next } = pageOf(peerAdmission.list(), ({ peer }) => peer, query.after, query.limit)
      return { mode: peerAdmission.mode, peers: [...items], next }
    },
  )
  app.post(
    '/api/v1/admission/:id/admit',
    {
      schema: {
        description: 'Lets a peer join, also one that was revoked. Holds over restarts.',
        params,
        body: decision,
        response: { 200: peerStanding, '4xx': apiErrorBody },
      },
    },
    async ({ params: { id }, body: { note }, caller }) => peerAdmission.admit(peerIdOf(id), caller?.name ?? '', note),
  )
  app.post(
    '/api/v1/admission/:id/revoke',
    {
      schema: {
        description: 'Puts a peer out of the network: its channel and its lanes end at once, its tickets count no more, and it comes back only when it is admitted again.',
        params,
        body: decision,
        response: { 200: peerStanding, '4xx': apiErrorBody },
      },
    },
    async ({ params: { id }, body: { note }, caller }) => peerAdmission.revoke(peerIdOf(id), caller?.name ?? '', note),
  )
}

/** @throws DamselflyError USAGE */
function peerIdOf(text: string): PeerId {
  if (!isPeerId(text)) throw new DamselflyError('USAGE', `'${text.slice(0, 80)}' is no PeerId`)
  return text
}

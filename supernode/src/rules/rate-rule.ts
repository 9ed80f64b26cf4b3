import * as z from 'zod'
import { ruleHead } from './rule-list.ts'

const rate = z.number().min(1).optional()

/** Whom a rule is about, and what they may do; bytes per second. What is left out matches everybody, or is not limited. */
export const rateConditions = z.object({
  peer: z.string().min(1).max(128).optional().describe('PeerId'),
  location: z.string().min(1).max(256).optional().describe('Of the peers, as their configuration says'),
  upload: rate.describe('To other peers; bytes per second'),
  download: rate.describe('From anywhere; bytes per second'),
  origin: rate.describe('From origins, back-to-source; bytes per second'),
  together: z
    .boolean()
    .default(false)
    .describe('Whether the rates are for all these peers together, divided by what each of them uses; else each peer has them'),
})

export const rateRule = ruleHead.extend(rateConditions.shape)

export type RateRule = z.output<typeof rateRule>

export const RATE_KINDS = ['upload', 'download', 'origin'] as const
export type RateKind = (typeof RATE_KINDS)[number]

/** Bytes per second, 0: no limit. */
export type PeerRates = Readonly<Record<RateKind, number>>

export const NO_LIMITS: PeerRates = { upload: 0, download: 0, origin: 0 }

import { byteRate, byteSize, duration } from '@damselfly/shared/config'
import * as z from 'zod'

const share = (): z.ZodNumber => z.number().min(0).max(1)

const peerClass = z.strictObject({
  count: z.number().int().min(1).max(100_000).describe('How many peers are of this kind'),
  upload: byteRate().default(0).describe('What each can send; 0: no limit'),
  download: byteRate().default(0).describe('What each can receive; 0: no limit'),
  uploadSlots: z.number().int().min(0).max(1024).default(8).describe('Pieces that it sends at once; with 0 it is never a parent'),
  lanesAtOnce: z
    .number()
    .int()
    .min(0)
    .default(0)
    .describe('Children that it sends to at the same time while the others wait for their turn; 0: all share its upload'),
  at: z
    .array(z.string())
    .min(1)
    .default([''])
    .describe('Where they stand, as `location/zone/rack`; several are dealt out in turns'),
  holds: share().default(0).describe('Share of the pieces of every task that each has from the start'),
  downloads: z.boolean().default(true).describe('Whether they want the tasks; otherwise they only hold and serve'),
  order: z.enum(['rarest-first', 'in-order']).default('rarest-first').describe('The order in which they want pieces'),
  lies: share().default(0).describe('Share of the pieces that they send with wrong bytes'),
  refuses: share().default(0).describe('Share of the requests that they refuse'),
  leave: share().default(0).describe('Share of them that leave when they have everything'),
  leaveAfter: duration().default(0).describe('How long those that leave stay after they have everything'),
  die: share().default(0).describe('Share of them that die half-way, each after another share of its pieces'),
  freeze: z.boolean().default(false).describe('Whether those that die freeze: nobody is told, and all only notice their silence'),
})

const line = z.strictObject({
  between: z.tuple([z.string().min(1), z.string().min(1)]).describe('The two locations that it joins'),
  rate: byteRate().describe('What it carries in each direction; 0: no limit'),
  latency: duration().default(10).describe('What it adds to the way, in one direction'),
})

/** A number that a figure is to keep, as in `<= 1.08`. */
const goal = z.string().regex(/^(<=|>=|==) ?\d+(\.\d+)?$/, { error: 'expected a comparison such as `<= 1.08`' })

export const scenarioSchema = z.strictObject({
  title: z.string().min(1).describe('What it shows, in one line'),
  seed: z.number().int().min(0).max(0xffff_ffff).default(1).describe('What is left to chance follows from it'),
  tasks: z
    .strictObject({
      count: z.number().int().min(1).max(10_000).default(1).describe('How many contents there are; every peer wants all of them'),
      pieces: z.number().int().min(1).max(65_536).default(256).describe('Pieces of the content, of the largest if there are several'),
      pieceSize: byteSize().default(4 * 1024 * 1024).describe('Bytes of a piece'),
      zipf: z.number().min(0).max(4).default(0).describe('The k-th content has `pieces / k ^ zipf` pieces'),
    })
    .prefault({}),
  origin: z
    .strictObject({
      rate: byteRate().default(0).describe('What it sends to all together; 0: no limit'),
      latency: duration().default(0).describe('Until its first byte'),
    })
    .prefault({}),
  cdn: z
    .strictObject({
      upload: byteRate().default(0).describe('What it sends; 0: no limit'),
      download: byteRate().default(0).describe('What it receives from the origin; 0: no limit'),
      uploadSlots: z.number().int().min(1).max(1024).default(16).describe('Pieces that it sends at once'),
      lanesAtOnce: z.number().int().min(0).default(0).describe('Children that it sends to at the same time; 0: all share its upload'),
      at: z.string().default('').describe('Where it stands, as `location/zone/rack`'),
      warm: z.boolean().default(false).describe('Whether it holds every content from the start'),
    })
    .prefault({}),
  peers: z.record(z.string(), peerClass).describe('The kinds of peers, by a name'),
  arrivals: z
    .strictObject({
      over: z
        .number()
        .min(0)
        .default(0)
        .describe('Peers arrive by chance, evenly over so many times the fluid bound; 0: all are there from the start'),
    })
    .prefault({}),
  network: z
    .strictObject({
      latency: duration().default(1).describe('From one host to any other, in one direction'),
      laneSetup: z.number().int().min(0).max(10).default(2).describe('Round trips until a new lane takes its first request'),
      laneRate: byteRate().default(0).describe('The most that one lane carries; 0: no limit'),
      tolerance: z
        .number()
        .min(0)
        .max(0.5)
        .default(0.01)
        .describe('A link may stay so much below full where sharing it out anew would change little; 0 is exact and slow'),
      lines: z.record(z.string(), line).default({}).describe('Lines between locations; where there is none, nothing but the hosts limits'),
    })
    .prefault({}),
  control: z
    .strictObject({
      latency: duration().default(1).describe('Between the supernode and a peer, in one direction'),
      batch: duration().default(0).describe('How long a peer collects what it reports'),
    })
    .prefault({}),
  children: z
    .strictObject({
      window: z.number().int().min(1).max(256).default(8).describe('Assignments that a child has open'),
      stall: duration().default(10_000).describe('How long a child waits for a parent that sends nothing'),
    })
    .prefault({}),
  goals: z.record(z.string(), goal).default({}).describe('What figures are to keep, by their names'),
})

/** One thing to simulate, with everything filled in. */
export type Scenario = z.output<typeof scenarioSchema>
export type PeerClass = Scenario['peers'][string]

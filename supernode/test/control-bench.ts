import { join } from 'node:path'
import { DamselflyError, VirtualClock } from '@damselfly/shared'
import { silentLogger } from '@damselfly/shared/logging'
import type { OriginInfo } from '@damselfly/cdn'
import { createIdentity, type Identity } from '@damselfly/exchange'
import { createScheduler, type Scheduler } from '@damselfly/scheduler'
import { DecisionTrace } from '@damselfly/scheduler/explain'
import type { ApiToken } from '../src/access/api-tokens.ts'
import { PeerAdmission, type AdmissionMode } from '../src/admission/peer-admission.ts'
import { PeerStandings } from '../src/admission/peer-standings.ts'
import { TicketRevocations } from '../src/admission/ticket-revocations.ts'
import { CONTROL_LIMITS, type ControlLimits } from '../src/control/limits.ts'
import { assembleControl, type AssembledControl, type ControlParts } from '../src/control-assembly.ts'
import { blockRule, type BlockRule } from '../src/rules/block-rule.ts'
import { priorityRule, type PriorityRule } from '../src/rules/priority-rule.ts'
import { rateRule, type RateRule } from '../src/rules/rate-rule.ts'
import { createRuleList, type RuleList } from '../src/rules/rule-list.ts'
import type { Passthrough } from '../src/swarm/passthrough.ts'
import { FakeCdn, type FakeContent } from './fake-cdn.ts'
import { FakePeer, type Greeting } from './fake-peer.ts'

export interface ControlBench extends AssembledControl {
  readonly identity: Identity
  readonly cdn: FakeCdn
  readonly scheduler: Scheduler
  readonly decisions: DecisionTrace
  readonly clock: VirtualClock
  readonly blockRules: RuleList<BlockRule>
  readonly rateRules: RuleList<RateRule>
  readonly priorityRules: RuleList<PriorityRule>
  readonly peerAdmission: PeerAdmission
  readonly revocations: TicketRevocations
  /** What the origin says when it is probed. */
  origin: { answer: OriginInfo | DamselflyError | 'the same'; probes: number }
  peer(greeting?: Greeting): FakePeer
}

/** The control plane with a real scheduler, a CDN that the test drives and a clock that it turns. */
export function createControlBench(options: { identity?: Identity; limits?: Partial<ControlLimits>; rulesDirectory?: string; passthrough?: Passthrough; store?: ControlParts['store']; demands?: ControlParts['demands']; admission?: AdmissionMode; redeem?: (text: string) => ApiToken | undefined; inspect?: ControlParts['inspect'] } = {}): ControlBench {
  const identity = options.identity ?? createIdentity()
  const cdn = new FakeCdn()
  const clock = new VirtualClock(Date.UTC(2026, 0, 1))
  const origin: ControlBench['origin'] = { answer: 'the same', probes: 0 }
  cdn.confirms = (held) => {
    origin.probes++
    if (origin.answer instanceof Error) throw origin.answer
    return origin.answer === 'the same' || origin.answer.validators.etag === held.validators.etag ? 'current' : 'changed'
  }
  const decisions = new DecisionTrace({ perTask: 1000, total: 10_000 })
  const scheduler = createScheduler({ random: () => 0.5, observer: decisions })
  // Where nobody made one, no rule can be kept.
  const file = (name: string): string => join(options.rulesDirectory ?? '/dev/null', name)
  const blockRules = createRuleList({ file: file('block-rules.json'), schema: blockRule, clock })
  const rateRules = createRuleList({ file: file('rate-rules.json'), schema: rateRule, clock })
  const priorityRules = createRuleList({ file: file('priority-rules.json'), schema: priorityRule, clock })
  const standings = new PeerStandings(file('peers.jsonl'))
  const peerAdmission = new PeerAdmission({
    mode: options.admission ?? 'open',
    allowed: new Set(),
    standings,
    tokens: { redeem: (text) => options.redeem?.(text) },
    audit: { record: async () => undefined },
    clock,
    logger: silentLogger(),
  })
  const revocations = new TicketRevocations({ file: file('revoked-tickets.json'), clock, logger: silentLogger() })
  const assembled = assembleControl({
    identity,
    agent: 'supernode/test',
    cdn,
    passthrough: options.passthrough,
    store: options.store ?? { open: async () => undefined, records: async (taskIds) => taskIds.map(() => undefined), summary: () => undefined, verifiedBytes: () => 0, first: () => [] },
    probe: async () => {
      origin.probes++
      if (origin.answer instanceof Error) throw origin.answer
      if (origin.answer === 'the same') throw new DamselflyError('ORIGIN_UNREACHABLE', 'nobody there')
      return origin.answer
    },
    scheduler,
    announceQuorum: 2,
    peerAdmission,
    revocations,
    inspect: options.inspect ?? (async () => 'unknown'),
    ...(options.demands === undefined ? {} : { demands: options.demands }),
    blockRules,
    rateRules,
    priorityRules,
    preheat: { jobsAtOnce: 2, contentsAtOnce: 2, keepFor: 3_600_000, directory: file('preheats') },
    limits: { ...CONTROL_LIMITS, ...options.limits },
    originBytes: () => 0,
    cdnServedBytes: () => 0,
    clock,
    logger: silentLogger(),
  })
  assembled.start(
    { peer: identity.peerId, endpoints: [{ kind: 'direct', host: '127.0.0.1', port: 65_000 }], security: 'tls', isCdn: true },
    { uploadSlots: 16, location: { location: '', zone: '', rack: '' }, isCdn: true, lanes: ['direct'] },
  )
  return { ...assembled, peerAdmission, revocations, identity, cdn, scheduler, decisions, clock, blockRules, rateRules, priorityRules, origin, peer: (greeting) => FakePeer.greet(assembled.control, greeting) }
}

/** A content of `pieces` pieces, the last one shorter, too large to travel inside an answer. */
export function largeContent(pieces: number, more: Partial<FakeContent> = {}): FakeContent {
  const pieceSize = 256 * 1024
  const bytes = Buffer.alloc(pieces * pieceSize - 100)
  for (let index = 0; index < pieces; index++) bytes[index * pieceSize] = index + 1
  return { bytes, pieceSize, ...more }
}

/** Lets everything run that is ready to run. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
}

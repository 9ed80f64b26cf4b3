import { createHash } from 'node:crypto'
import { digestsEqual, RateLimiter, type Clock } from '@damselfly/shared'
import { createIdentity, createLanePool, createTransports, hostOfAddress, type SecurityInForce, type TicketSigner } from '@damselfly/exchange'
import type { TicketRevocations } from '../admission/ticket-revocations.ts'
import type { PeerRegister } from '../control/peer-register.ts'
import type { TaskRegistry } from '../swarm/task-registry.ts'
import type { Accusation, Finding } from './inspections.ts'

export interface InspectParentInit {
  /** That of every child's tickets. */
  readonly tickets: Pick<TicketSigner, 'sign'>
  readonly security: SecurityInForce
  readonly peers: Pick<PeerRegister, 'get'>
  readonly tasks: Pick<TaskRegistry, 'get'>
  readonly revocations: Pick<TicketRevocations, 'issueTime'>
  readonly clock: Clock
}

/** How long its ticket lasts; milliseconds. */
const TICKET_MS = 60_000

/**
 * Asks an accused parent for the piece, as a child would: under an identity that nobody has seen before, so that it cannot
 * be told from one.
 *
 * @throws DamselflyError when the parent cannot be reached, or does not give the piece
 */
export async function inspectParent(init: InspectParentInit, { task, piece: index, parent }: Accusation, signal: AbortSignal): Promise<Finding> {
  const { tickets, security, peers, tasks, revocations, clock } = init
  const peer = peers.get(parent)
  const content = tasks.get(task)?.swarm.content
  const digest = content?.digest(index)
  const piece = content?.layout !== undefined && index < content.layout.pieceCount ? content.layout.piece(index) : undefined
  if (peer === undefined || content === undefined || digest === undefined || piece === undefined) return 'unknown'
  const { card, session } = peer
  // Nowhere but where the peer itself is: what it announces is no reason to knock at others' doors.
  const endpoints = card.endpoints.filter(({ host }) => host === hostOfAddress(session.remoteAddress))
  const child = createIdentity()
  const transports = createTransports(security.policy, security, { identity: child, clock })
  const downloadLimiter = new RateLimiter(0, clock)
  const pool = createLanePool({ transports, security, clock, downloadLimiter })
  try {
    const lane = await pool.lane({ peer: parent, endpoints, security: card.security }, signal)
    const grant = { taskId: task, child: child.peerId, parent, expiresAt: Math.round(clock.wallTime() + TICKET_MS), issuedAt: revocations.issueTime() }
    lane.presentTicket(task, tickets.sign(grant))
    const hash = createHash('sha256')
    await lane.request(task, piece, (bytes) => void hash.update(bytes), signal)
    // What is known of the content may have changed meanwhile.
    if (tasks.get(task)?.swarm.content !== content) return 'unknown'
    return digestsEqual(hash.digest(), digest) ? 'right' : 'wrong'
  } finally {
    await pool.close()
    await Promise.all(transports.map((transport) => transport.stop()))
  }
}

import { DamselflyError, originOf, type PeerId, type TaskId } from '@damselfly/shared'
import type { Hello } from '@damselfly/shared/wire'
import { hostOfAddress, isLoopback, isSecurityPolicy, stricterOf, type ChannelKind, type Endpoint, type SecurityPolicy } from '@damselfly/exchange'
import type { PeerCapacity, PeerLocation } from '@damselfly/scheduler'
import type { RuledPeer } from '../rules/download-conditions.ts'
import type { ClaimBudget, MemberInit } from '../swarm/member.ts'
import { MAX_ENDPOINTS, MAX_NAME_LENGTH } from './limits.ts'
import { localNetworkOf } from './local-network.ts'
import { partyOf } from './party.ts'
import type { Session } from './session.ts'

/** How a parent is reached. */
export interface ParentCard {
  readonly peer: PeerId
  readonly endpoints: readonly Endpoint[]
  /** The least that it accepts. */
  readonly security: SecurityPolicy
  readonly isCdn: boolean
}

/** Beyond this a peer is no better parent; it only claims to be. */
const MAX_UPLOAD_SLOTS = 1024

const KINDS: readonly ChannelKind[] = ['direct', 'libp2p', 'plain']

/** A peer as it introduced itself on the channel that it has now. */
export interface ConnectedPeer {
  readonly peer: PeerId
  readonly session: Session
  readonly agent: string
  readonly hostName: string
  readonly location: PeerLocation
  readonly uploadSlots: number
  /** Whether it downloads what it is asked to. */
  readonly acceptsPreheats: boolean
  /** How children reach it. */
  readonly card: ParentCard
  /** Milliseconds since 1970. */
  readonly connectedAt: number
  /** Tasks that it holds or wants. */
  readonly tasks: Set<TaskId>
  readonly claimBudget: ClaimBudget
  /** Aborts with the channel: what was started for this peer alone ends. */
  readonly gone: AbortController
}

/** @param least the security that the network demands of every peer @throws DamselflyError PROTOCOL */
export function readHello(session: Session, hello: Hello, connectedAt: number, maxClaims: number, least: SecurityPolicy): ConnectedPeer {
  if (!isSecurityPolicy(hello.security)) throw new DamselflyError('PROTOCOL', `'${shorten(hello.security)}' is no security policy`)
  // Children that know nothing of the network's demands heed those of their parents.
  const security = stricterOf(hello.security, least)
  if (hello.endpoints.length > MAX_ENDPOINTS) {
    throw new DamselflyError('PROTOCOL', `${hello.endpoints.length} endpoints are more than ${MAX_ENDPOINTS}`)
  }
  return {
    peer: session.peer,
    session,
    agent: shorten(hello.agent),
    hostName: shorten(hello.hostName),
    location: {
      location: shorten(hello.location?.location ?? ''),
      zone: shorten(hello.location?.zone ?? ''),
      rack: shorten(hello.location?.rack ?? ''),
    },
    uploadSlots: Math.min(MAX_UPLOAD_SLOTS, hello.uploadSlots),
    acceptsPreheats: hello.acceptsPreheats,
    card: { peer: session.peer, endpoints: usableEndpoints(hello, hostOfAddress(session.remoteAddress)), security, isCdn: false },
    connectedAt,
    claimBudget: { left: maxClaims },
    tasks: new Set(),
    gone: new AbortController(),
  }
}

export function capacityOf(peer: ConnectedPeer): PeerCapacity {
  const lanes = KINDS.filter((kind) => peer.card.endpoints.some((endpoint) => endpoint.kind === kind))
  const location = { ...peer.location, lan: localNetworkOf(hostOfAddress(peer.session.remoteAddress)) }
  const party = partyOf(hostOfAddress(peer.session.remoteAddress))
  return { uploadSlots: peer.uploadSlots, location, isCdn: false, lanes, party }
}

/** @param url as the peer gave it for the task */
export function memberInit(peer: ConnectedPeer, url: string): MemberInit {
  const canServe = peer.uploadSlots > 0 && peer.card.endpoints.length > 0
  return { peer: peer.peer, origin: originOf(url), canServe, budget: peer.claimBudget }
}

/** What a peer may be told of another; only a peer on the supernode's own machine can use what is bound to loopback there. */
export function endpointsFor(child: ConnectedPeer, { endpoints }: ParentCard): readonly Endpoint[] {
  const isLocal = isLoopback(hostOfAddress(child.session.remoteAddress))
  return isLocal ? endpoints : endpoints.filter(({ host }) => !isLoopback(host))
}

/** An unspecified address becomes the one that the peer came from; another host's loopback is of no use to anybody. */
function usableEndpoints(hello: Hello, remoteHost: string): Endpoint[] {
  return hello.endpoints.flatMap(({ kind, host, port }) => {
    const known = KINDS.find((name) => name === kind)
    if (known === undefined || port < 1 || port > 65_535 || !HOST_PATTERN.test(host)) return []
    if (isUnspecified(host)) return [{ kind: known, host: remoteHost, port }]
    return isLoopback(host) && !isLoopback(remoteHost) ? [] : [{ kind: known, host, port }]
  })
}

/** An address or a DNS name, nothing that could mean something else in a log or a URL. */
const HOST_PATTERN = /^[\w.:%-]{1,255}$/

function isUnspecified(host: string): boolean {
  return host === '0.0.0.0' || host === '::'
}

/** As rules see it. */
export function ruledPeerOf({ peer, session }: ConnectedPeer): RuledPeer {
  return { peer, address: hostOfAddress(session.remoteAddress) }
}

function shorten(text: string): string {
  return text.slice(0, MAX_NAME_LENGTH)
}

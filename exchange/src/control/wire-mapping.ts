import {
  DamselflyError,
  digestsEqual,
  errorFromWire,
  messageOf,
  PieceLayout,
  PRIORITIES,
  SHA256_BYTES,
  taskIdFromBytes,
  taskIdToBytes,
  type HeaderMap,
  type PeerId,
  type Sha256,
  type TaskIdentity,
} from '@damselfly/shared'
import {
  AnnounceSchema,
  create,
  RegisterSchema,
  TaskSpecSchema,
  toNumber,
  type Announce,
  type Assign,
  type Endpoint as WireEndpoint,
  type Parent,
  type MessageInitShape,
  type Register,
  type Registered as WireRegistered,
  type RevokeTicketsSchema,
  type RevokeTickets,
  type SetRate,
  type TaskSpec,
  type TaskUpdate,
} from '@damselfly/shared/wire'
import type { ChannelKind } from '../channel/channel.ts'
import type { Endpoint } from '../channel/transport.ts'
import type { RevokedSubject, TicketRevocation } from '../identity/revoked-tickets.ts'
import { isSecurityPolicy, type SecurityPolicy } from '../lane/security.ts'
import type { Assignment, HeldTask, ParentInfo, Registered, TaskNews, TaskRegistration } from './task-control.ts'

const KINDS: readonly ChannelKind[] = ['direct', 'plain', 'libp2p']
const RULED = [...PRIORITIES, 'any'] as const
const NO_DIGEST = new Uint8Array(SHA256_BYTES)

export function headersToWire(headers: HeaderMap): { name: string; value: string }[] {
  return [...headers].map(([name, value]) => ({ name, value }))
}

export function specToWire(identity: TaskIdentity): TaskSpec {
  return create(TaskSpecSchema, {
    url: identity.url,
    filteredQueryParams: [...(identity.filteredQueryParams ?? [])],
    digest: identity.digest ?? new Uint8Array(),
    tag: identity.tag ?? '',
    application: identity.application ?? '',
    headers: headersToWire(identity.headers ?? new Map()),
    ...(identity.range === undefined ? {} : { range: rangeToWire(identity.range) }),
  })
}

function rangeToWire(range: NonNullable<TaskIdentity['range']>): { start: bigint; end?: bigint } {
  return { start: BigInt(range.start), ...(range.end === undefined ? {} : { end: BigInt(range.end) }) }
}

export function registerToWire(requestId: number, registration: TaskRegistration): Register {
  const held = registration.held
  return create(RegisterSchema, {
    requestId,
    spec: specToWire(registration.identity),
    credentials: headersToWire(registration.credentials),
    order: registration.order,
    wantedFrom: BigInt(registration.wantedFrom ?? 0),
    heldContentLength: BigInt(held?.contentLength ?? 0),
    heldPieceSize: held?.pieceSize ?? 0,
    held: held?.pieces.toBytes() ?? new Uint8Array(),
  })
}

export function announceToWire(task: HeldTask): Announce {
  return create(AnnounceSchema, {
    taskId: taskIdToBytes(task.taskId),
    spec: specToWire(task.identity),
    contentLength: BigInt(task.contentLength),
    pieceSize: task.pieceSize,
    have: task.have.toBytes(),
    pieceDigests: Buffer.concat(task.digests.map((digest) => digest ?? NO_DIGEST)),
    signedManifest: task.signedManifest ?? new Uint8Array(),
    validators: { etag: task.etag, lastModified: task.lastModified },
    contentDigest: task.contentDigest ?? new Uint8Array(),
    privateContent: task.isPrivate,
  })
}

/** @throws DamselflyError the refusal that the answer carries, or PROTOCOL */
export function registeredFromWire(answer: WireRegistered): Registered {
  if (answer.errorCode !== '') throw errorFromWire(answer.errorCode, answer.errorMessage)
  const contentLength = optionalNumber(answer.contentLength, 'content length')
  checkLayout(contentLength, answer.pieceSize)
  return {
    pieceSize: answer.pieceSize,
    contentLength,
    etag: answer.validators?.etag ?? '',
    lastModified: answer.validators?.lastModified ?? '',
    content: answer.content,
    isPrivate: answer.privateContent,
  }
}

/** What is kept for long is copied: a view would keep the whole frame in memory. @throws DamselflyError PROTOCOL */
export function newsFromWire(update: TaskUpdate): TaskNews {
  return {
    contentLength: optionalNumber(update.contentLength, 'content length'),
    digests: update.digests.map(({ index, digest }) => ({ index, digest: digestFromWire(digest) })),
    signedManifest: update.signedManifest.length === 0 ? undefined : update.signedManifest.slice(),
    error: update.errorCode === '' ? undefined : errorFromWire(update.errorCode, update.errorMessage),
    fetched: toNumber(update.fetched, 'bytes fetched'),
    ruledPriority: RULED.find((known) => known === update.ruledPriority),
  }
}

/** @throws DamselflyError PROTOCOL */
export function assignmentFromWire(assign: Assign): Assignment {
  return { index: assign.index, parent: assign.parent as PeerId, digest: digestFromWire(assign.digest) }
}

/** @throws DamselflyError PROTOCOL */
export function parentFromWire(parent: Parent): ParentInfo {
  return {
    peer: parent.peer as PeerId,
    endpoints: parent.endpoints.map(endpointFromWire).filter((endpoint) => endpoint !== undefined),
    security: securityFromWire(parent.security),
    signedTicket: parent.signedTicket.slice(),
    isCdn: parent.isCdn,
  }
}

/** Undefined for a kind that this version does not know. */
export function endpointFromWire(endpoint: WireEndpoint): Endpoint | undefined {
  const kind = KINDS.find((known) => known === endpoint.kind)
  if (kind === undefined || endpoint.port < 1 || endpoint.port > 65_535) return undefined
  return { kind, host: endpoint.host, port: endpoint.port }
}

/** @throws DamselflyError PROTOCOL */
export function securityFromWire(text: string): SecurityPolicy {
  if (!isSecurityPolicy(text)) throw new DamselflyError('PROTOCOL', `'${text}' is no security policy`)
  return text
}

function digestFromWire(digest: Uint8Array): Sha256 {
  if (digest.length !== SHA256_BYTES || digestsEqual(digest, NO_DIGEST)) {
    throw new DamselflyError('PROTOCOL', `a digest of ${digest.length} bytes is not SHA-256`)
  }
  return digest.slice()
}

function checkLayout(contentLength: number | undefined, pieceSize: number): void {
  try {
    return void new PieceLayout(contentLength ?? 0, pieceSize)
  } catch (error) {
    throw new DamselflyError('PROTOCOL', `the supernode describes an impossible content: ${messageOf(error)}`, { cause: error })
  }
}

function optionalNumber(value: bigint | undefined, what: string): number | undefined {
  return value === undefined ? undefined : toNumber(value, what)
}

/** Bytes per second, 0: no limit. */
export function ratesFromWire({ upload, download, origin }: SetRate): { upload: number; download: number; origin: number } {
  return { upload: Number(upload), download: Number(download), origin: Number(origin) }
}

/** A subject that this version does not know is passed over. @throws DamselflyError PROTOCOL */
export function revocationsFromWire({ revocations }: RevokeTickets): readonly TicketRevocation[] {
  return revocations.flatMap(({ subject, issuedUntil }) => {
    const known = subjectFromWire(subject)
    return known === undefined ? [] : [{ subject: known, issuedUntil: toNumber(issuedUntil, 'a time of issue') }]
  })
}

function subjectFromWire(subject: RevokeTickets['revocations'][number]['subject']): RevokedSubject | undefined {
  switch (subject.case) {
    case 'peer':
      return { peer: subject.value as PeerId }
    case 'taskId':
      if (subject.value.length !== SHA256_BYTES) throw new DamselflyError('PROTOCOL', 'a task id does not have 32 bytes')
      return { taskId: taskIdFromBytes(subject.value) }
    case undefined:
      return undefined
  }
}

export function revocationsToWire(revocations: readonly TicketRevocation[]): MessageInitShape<typeof RevokeTicketsSchema> {
  return {
    revocations: revocations.map(({ subject, issuedUntil }) => ({
      subject: 'peer' in subject ? { case: 'peer', value: subject.peer } : { case: 'taskId', value: taskIdToBytes(subject.taskId) },
      issuedUntil: BigInt(issuedUntil),
    })),
  }
}

import { once } from 'node:events'
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import { bytesOf, etagOf, sizeOf, type OriginContent } from './origin-content.ts'
import type { OriginRecord } from './origin-record.ts'

const CHUNK = 64 * 1024

/** From `start` to before `end`. */
interface Part {
  readonly start: number
  readonly end: number
}

/** Answers one request as `content` says. Resolves when the answer is over, however it ended. */
export async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  content: OriginContent,
  record: OriginRecord,
): Promise<void> {
  if (content.silent === true) return
  if (content.raw !== undefined) return void response.socket?.end(content.raw)
  for (const [name, value] of Object.entries(content.headers ?? {})) response.setHeader(name, value)
  const isHead = request.method === 'HEAD'
  const refusal = refusalOf(request, content, record)
  if (refusal !== undefined) return end(response, refusal.status, refusal.headers)
  setValidators(response, content)
  if (isHead && content.headStatus !== undefined) return end(response, content.headStatus)
  if (isNotModified(request, content)) {
    record.countNotModified()
    return void response.writeHead(304).end()
  }
  if (content.ranges !== false) response.setHeader('accept-ranges', 'bytes')
  if (isPreconditionFailed(request, content)) return end(response, 412)
  const part = partOf(request, content)
  if (part === 'unsatisfiable') return end(response, 416, { 'content-range': `bytes */${sizeOf(content)}` })
  const whole = { start: 0, end: sizeOf(content) }
  writeHead(response, content, isHead ? undefined : part)
  if (isHead) response.end()
  else await sendBody(response, content, part ?? whole, record, request.headers.range === 'bytes=0-0')
}

function refusalOf(
  request: IncomingMessage,
  content: OriginContent,
  record: OriginRecord,
): { readonly status: number; readonly headers?: OutgoingHttpHeaders } | undefined {
  const { gets, heads } = record.stats
  const failing = content.failFirst
  if (failing !== undefined && gets + heads <= failing.times) {
    return { status: failing.status, headers: failing.retryAfter === undefined ? {} : { 'retry-after': failing.retryAfter } }
  }
  const [name, value] = content.requireHeader ?? []
  if (name !== undefined && request.headers[name.toLowerCase()] !== value) {
    return { status: 401, headers: { 'www-authenticate': 'Basic realm="test"' } }
  }
  if (content.redirectTo !== undefined) {
    return { status: content.redirectStatus ?? 302, headers: { location: content.redirectTo } }
  }
  return content.status === undefined ? undefined : { status: content.status }
}

function setValidators(response: ServerResponse, content: OriginContent): void {
  const etag = etagOf(content)
  if (etag !== '') response.setHeader('etag', etag)
  if (content.lastModified !== undefined) response.setHeader('last-modified', content.lastModified)
}

/** Tags go before dates, and weak ones will do. */
function isNotModified(request: IncomingMessage, content: OriginContent): boolean {
  const noneMatch = request.headers['if-none-match']
  if (noneMatch !== undefined) return noneMatch.replace('W/', '') === etagOf(content).replace('W/', '')
  const since = request.headers['if-modified-since']
  return since !== undefined && since === content.lastModified
}

function isPreconditionFailed(request: IncomingMessage, content: OriginContent): boolean {
  const match = request.headers['if-match']
  if (match !== undefined && match !== etagOf(content)) return true
  const unmodified = request.headers['if-unmodified-since']
  return unmodified !== undefined && content.lastModified !== undefined && unmodified !== content.lastModified
}

/** @returns undefined for the whole content */
function partOf(request: IncomingMessage, content: OriginContent): Part | 'unsatisfiable' | undefined {
  const size = sizeOf(content)
  const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? []
  if (from === undefined || content.ranges === false) return undefined
  const condition = request.headers['if-range']
  if (condition !== undefined && condition !== etagOf(content) && condition !== content.lastModified) return undefined
  const start = Number(from)
  if (start >= size) return 'unsatisfiable'
  return { start, end: to === undefined || to === '' ? size : Math.min(size, Number(to) + 1) }
}

function writeHead(response: ServerResponse, content: OriginContent, part: Part | undefined): void {
  const size = sizeOf(content)
  const length = part === undefined ? (content.announced ?? size) : part.end - part.start
  if (content.chunked !== true) response.setHeader('content-length', length)
  if (part !== undefined) tellPart(response, content, part)
  response.writeHead(part === undefined ? 200 : 206)
  response.flushHeaders()
}

function tellPart(response: ServerResponse, content: OriginContent, part: Part): void {
  const [first, last, size] = [part.start, part.end - 1, sizeOf(content)]
  const told = content.contentRange?.(first, last, size) ?? `bytes ${first}-${last}/${size}`
  if (told !== '') response.setHeader('content-range', told)
}

async function sendBody(
  response: ServerResponse,
  content: OriginContent,
  part: Part,
  record: OriginRecord,
  isProbe: boolean,
): Promise<void> {
  const length = part.end - part.start
  const cutAt = record.cuts < (content.cut?.times ?? 1) ? (content.cut?.after ?? Infinity) : Infinity
  const last = Math.min(length, cutAt)
  const stops = [content.pauseAfter ?? Infinity, last]
  for (let sent = 0; sent < last && !response.destroyed; ) {
    if (sent === content.pauseAfter) await untilClosed(response, () => record.pause())
    if (sent > 0 && content.trickle !== undefined) await pause(content.trickle.everyMs)
    const stop = Math.min(...stops.filter((at) => at > sent), sent + (content.trickle?.bytes ?? CHUNK))
    await send(response, bytesOf(content, part.start + sent, part.start + stop), sent + (stop - sent) === length)
    record.countBytes(stop - sent, isProbe)
    sent = stop
  }
  const isShort = (content.announced ?? 0) > length && content.chunked !== true
  if (last < length) record.countCut()
  if (last < length || isShort) breakOff(response)
  else response.end()
}

async function send(response: ServerResponse, bytes: Uint8Array, isLast: boolean): Promise<void> {
  if (!response.write(bytes) && !isLast) await untilClosed(response, (signal) => once(response, 'drain', { signal }))
}

/** Waits for the event, or for the client to go away. */
async function untilClosed(response: ServerResponse, event: (signal: AbortSignal) => Promise<unknown>): Promise<void> {
  const over = new AbortController()
  try {
    await Promise.race([event(over.signal), once(response, 'close', { signal: over.signal })])
  } finally {
    over.abort()
  }
}

/** Ends the connection once everything that was written has left. */
function breakOff(response: ServerResponse): void {
  response.socket?.destroySoon()
}

function end(response: ServerResponse, status: number, headers: OutgoingHttpHeaders = {}): void {
  response.writeHead(status, { ...headers, 'content-length': 0 }).end()
}

import { createHash } from 'node:crypto'

/** What a path of the fault origin serves, and how it misbehaves. */
export interface OriginContent {
  /** The exact bytes. @default those of `generatedContent(size, seed)` */
  readonly body?: Uint8Array | undefined
  /** Bytes, generated while they are sent. @default 0 */
  readonly size?: number | undefined
  readonly seed?: number | undefined
  /** With its quotes; '' for none. @default a strong tag that depends on what is served */
  readonly etag?: string | undefined
  readonly lastModified?: string | undefined
  /** Sent with every answer, whatever they say. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** Whether ranges are served. @default true */
  readonly ranges?: boolean | undefined
  /** Without Content-Length. @default false */
  readonly chunked?: boolean | undefined
  /** The only answer there is. */
  readonly status?: number | undefined
  /** The first `times` requests get this status. */
  readonly failFirst?: { readonly times: number; readonly status: number; readonly retryAfter?: string } | undefined
  /** The connection breaks after so many body bytes. `times` @default 1; Infinity for always */
  readonly cut?: { readonly after: number; readonly times?: number } | undefined
  /** The Content-Length that is claimed instead of the true one, in answers with status 200; bytes. */
  readonly announced?: number | undefined
  readonly redirectTo?: string | undefined
  /** @default 302 */
  readonly redirectStatus?: number | undefined
  /** 401 without it: name and value. */
  readonly requireHeader?: readonly [name: string, value: string] | undefined
  /** Says nothing to any request, and keeps the connection. @default false */
  readonly silent?: boolean | undefined
  /** The very bytes that each request is answered with, before the connection ends. */
  readonly raw?: string | undefined
  /** The Content-Range that is told of a part, '' for none. @default the true one */
  readonly contentRange?: ((first: number, last: number, total: number) => string) | undefined
  /** How HEAD is refused. */
  readonly headStatus?: number | undefined
  /** So many bytes, then so long a pause. */
  readonly trickle?: { readonly bytes: number; readonly everyMs: number } | undefined
  /** Waits for `resume` after so many body bytes of each answer. */
  readonly pauseAfter?: number | undefined
  /** From the request after so many GETs, this is served instead. */
  readonly later?: { readonly after: number; readonly content: OriginContent } | undefined
}

/** Not a divisor of any piece size, so that no two pieces are equal. */
const BLOCK = 1024 * 1024 + 7

const blocks = new Map<number, Buffer>()

/** The bytes from `start` to before `end` of the generated content with this seed; any size, no memory. */
export function generatedBytes(seed: number, start: number, end: number): Buffer {
  const block = blockOf(seed)
  const bytes = Buffer.allocUnsafe(end - start)
  for (let at = start; at < end; ) {
    const from = at % BLOCK
    const count = Math.min(BLOCK - from, end - at)
    block.copy(bytes, at - start, from, from + count)
    at += count
  }
  return bytes
}

export function generatedContent(size: number, seed = 1): Buffer {
  return generatedBytes(seed, 0, size)
}

export function sizeOf(content: OriginContent): number {
  return content.body?.length ?? content.size ?? 0
}

/** From `start` to before `end`. */
export function bytesOf(content: OriginContent, start: number, end: number): Uint8Array {
  return content.body?.subarray(start, end) ?? generatedBytes(content.seed ?? 1, start, end)
}

export function etagOf(content: OriginContent): string {
  if (content.etag !== undefined) return content.etag
  const identity = content.body ?? `${content.size ?? 0}/${content.seed ?? 1}`
  return `"${createHash('sha256').update(identity).digest('hex').slice(0, 16)}"`
}

function blockOf(seed: number): Buffer {
  let block = blocks.get(seed)
  if (block === undefined) {
    block = randomLooking(seed)
    blocks.set(seed, block)
  }
  return block
}

function randomLooking(seed: number): Buffer {
  const parts: Buffer[] = []
  for (let i = 0; parts.length * 32 < BLOCK; i++) parts.push(createHash('sha256').update(`${seed}/${i}`).digest())
  return Buffer.concat(parts).subarray(0, BLOCK)
}

// A package that compiles this file from its source finds the types in no other way.
// oxlint-disable-next-line typescript/triple-slash-reference
/// <reference path="./http-cache-semantics.d.ts" />
import CachePolicy from 'http-cache-semantics'
import type { CacheTerms } from '../cache-terms.ts'
import { listed, type ResponseHeaders } from './response-head.ts'

/** Directives that say how long an answer is good for, or that it is good for nothing. */
const SPEAKING = /^(?:s-maxage|max-age|no-cache|no-store|private|proxy-revalidate)(?:=|$)/

/** Directives that forbid to hand out what is no longer fresh, whoever wants it. */
const STRICT = /^(?:must-revalidate|proxy-revalidate|s-maxage|no-cache|no-store|private)(?:=|$)/

/** No guesses from the age of a content, and nothing longer than its origin says. */
const POLICY = { shared: true, cacheHeuristic: 0, immutableMinTimeToLive: 0 } as const

/**
 * What the headers of an answer with content, or of a 304, say about handing it out again.
 *
 * Credentials of the request play no part: callers of a private content prove their access one by one.
 */
export function readTerms(headers: ResponseHeaders): CacheTerms {
  const directives = listed(headers, 'cache-control')
  const policy = new CachePolicy({ url: '/', method: 'GET', headers: {} }, { status: 200, headers: joined(headers) }, POLICY)
  const speaks = directives.some((directive) => SPEAKING.test(directive))
  const isSaid = speaks || headers.has('expires') || headers.has('pragma') || headers.has('set-cookie') || variesByAnything(headers)
  return {
    freshForMs: isSaid ? Math.max(0, policy.maxAge() - policy.age()) * 1000 : undefined,
    staleIfErrorMs: directives.some((directive) => STRICT.test(directive)) ? 0 : staleIfError(directives),
    mayBeKept: policy.storable(),
  }
}

function staleIfError(directives: readonly string[]): number | undefined {
  for (const directive of directives) {
    const [, seconds] = /^stale-if-error="?(\d{1,9})"?$/.exec(directive) ?? []
    if (seconds !== undefined) return Number(seconds) * 1000
  }
  return undefined
}

function variesByAnything(headers: ResponseHeaders): boolean {
  return listed(headers, 'vary').includes('*')
}

/** Names in lower case; several fields of a name are one list. */
function joined(headers: ResponseHeaders): Record<string, string> {
  const fields = Array.from(headers, ([name, values]) => [name, values.join(', ')] as const)
  // The library knows this star only where it stands alone.
  return Object.fromEntries(variesByAnything(headers) ? [...fields, ['vary', '*']] : fields)
}

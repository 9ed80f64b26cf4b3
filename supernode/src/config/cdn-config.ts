import * as z from 'zod'
import { DEFAULT_CDN_LIMITS, DEFAULT_HTTP_SOURCE_LIMITS, DEFAULT_ORIGIN_LIMITS, type CdnLimits, type HttpSourceLimits, type OriginLimits } from '@damselfly/cdn'
import { byteRate, byteSize, duration } from '@damselfly/shared/config'

const atOnce = (): z.ZodNumber => z.number().int().min(1).max(65_535)

/** How long what the CDN holds counts as what its origin serves. */
export const freshnessSettings = z
  .strictObject({
    freshFor: duration()
      .default(DEFAULT_CDN_LIMITS.freshForMs)
      .describe('How long a content is handed out without asking its origin again, where that does not say'),
    maxAge: duration()
      .default(DEFAULT_CDN_LIMITS.maxFreshMs)
      .describe('The longest that a content is handed out without asking its origin again, whatever that says (`Cache-Control`, `Expires`)'),
    staleIfError: duration()
      .default(DEFAULT_CDN_LIMITS.staleIfErrorMs)
      .describe('How much longer it is handed out while its origin fails to answer, unless the origin forbids that; 0: not at all'),
  })
  .prefault({})

/** What the CDN may take of its origins. */
export const originSettings = z
  .strictObject({
    connections: atOnce()
      .default(DEFAULT_ORIGIN_LIMITS.connections)
      .describe('Contents or parts that are read at once from all origins together; no origin gets more of them than it leaves free'),
    connectionsPerOrigin: atOnce().default(DEFAULT_ORIGIN_LIMITS.connectionsPerOrigin).describe('The same from one origin'),
    rate: byteRate().default(0).describe('What is read from all origins together; 0: no limit'),
    ratePerOrigin: byteRate().default(0).describe('What is read from each origin; 0: no limit'),
    maxRetryAfter: duration()
      .default(DEFAULT_ORIGIN_LIMITS.maxPauseMs)
      .describe('The longest that an origin is left alone because it answers 429 or 503 with `Retry-After`'),
    maxRedirects: z
      .number()
      .int()
      .min(0)
      .max(100)
      .default(DEFAULT_HTTP_SOURCE_LIMITS.maxRedirects)
      .describe('Redirects that one request follows; each is checked like the first URL'),
    maxHeaders: byteSize()
      .refine((bytes) => bytes >= 1024 && bytes <= 16 * 1024 * 1024, { error: 'expected 1KiB to 16MiB' })
      .default(DEFAULT_HTTP_SOURCE_LIMITS.maxHeaderBytes)
      .describe('What the headers of one answer may take together, over HTTP'),
    maxContentLength: byteSize().default(DEFAULT_CDN_LIMITS.maxContentLength).describe('The longest content that the CDN takes; peers fetch longer ones themselves'),
  })
  .prefault({})

/** @returns the limits that the settings stand for */
export function originLimits(settings: z.output<typeof originSettings>): Partial<OriginLimits> {
  const { connections, connectionsPerOrigin, rate, ratePerOrigin, maxRetryAfter } = settings
  return { connections, connectionsPerOrigin, rate, ratePerOrigin, maxPauseMs: maxRetryAfter }
}

/** For sources whose requests are counted for all kinds of origins together, before they get there. */
export function httpLimits({ maxRedirects, maxHeaders }: z.output<typeof originSettings>): Partial<HttpSourceLimits> {
  return { connectionsPerOrigin: Number.POSITIVE_INFINITY, maxRedirects, maxHeaderBytes: maxHeaders }
}

export function cdnLimits(
  { freshFor, maxAge, staleIfError }: z.output<typeof freshnessSettings>,
  { maxContentLength }: z.output<typeof originSettings>,
): Partial<CdnLimits> {
  return { freshForMs: freshFor, maxFreshMs: maxAge, staleIfErrorMs: staleIfError, maxContentLength }
}

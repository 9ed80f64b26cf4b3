import * as z from 'zod'
import { address, LOOPBACK, port } from './listening.ts'

const pageOrigin = z.string().refine(isPageOrigin, { error: 'expected scheme, host and maybe port, such as https://console.example' })

/** Settings of the management API. */
export const managementSettings = z.strictObject({
  addresses: z.array(address()).min(1).default(LOOPBACK).describe('Addresses of the management API'),
  maxConnections: z.number().int().min(1).max(65_535).default(512).describe('Clients of the management API that may be connected at once'),
  port: port().default(65_080).describe('TCP port of the management API; 0: any free one'),
  metrics: z.enum(['token', 'open']).default('token').describe('Whether `/metrics` wants a token like other routes, or is for everybody who reaches it'),
  cors: z
    .strictObject({ origins: z.array(pageOrigin).default([]).describe('Origins of web pages that may call the API from browsers; none: no page may') })
    .prefault({}),
})

function isPageOrigin(text: string): boolean {
  return /^https?:/.test(text) && URL.canParse(text) && new URL(text).origin === text
}

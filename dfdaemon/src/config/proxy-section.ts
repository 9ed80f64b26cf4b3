import { isIP } from 'node:net'
import { parseOriginRule } from '@damselfly/cdn'
import { isLoopback } from '@damselfly/exchange'
import { messageOf } from '@damselfly/shared'
import { duration, secret } from '@damselfly/shared/config'
import * as z from 'zod'
import { RULE_ACTIONS } from '../proxy/rules.ts'

const MAX_PATTERN = 2048

const hosts = () => z.array(checked((text) => void parseOriginRule(text))).default([])
const pattern = () => checked((text) => void new RegExp(text)).max(MAX_PATTERN)

const rule = z
  .strictObject({
    url: pattern().describe('A regular expression that is looked for in the whole URL; the first rule that matches counts'),
    action: z.enum(RULE_ACTIONS).describe('`swarm`: download it through peers; `direct`: from its host; `redirect`: send the client to `to`; `block`: refuse it'),
    to: z.string().min(1).optional().describe('What takes the place of the part that matches, `$1` and so on included; of redirects'),
  })
  .refine(({ action, to }) => (action === 'redirect') === (to !== undefined), { path: ['to'], error: 'expected with `redirect`, and with it only' })

/** Settings of the forward proxy. */
export const proxySection = z
  .strictObject({
    enabled: z.boolean().default(false).describe('Whether programs can use this daemon as their HTTP proxy'),
    address: z
      .string()
      .refine((text) => isIP(text) !== 0, { error: 'expected an IP address' })
      .default('127.0.0.1')
      .describe('Address of the proxy; one that others reach needs `proxy.users`'),
    port: z.number().int().min(0).max(65_535).default(65_005).describe('TCP port of the proxy; 0: any free one'),
    users: z
      .record(z.string().regex(/^[^:\s]+$/, { error: 'expected a name without colons and blanks' }), secret())
      .default({})
      .describe('Passwords by user name, for basic auth; none: all who can connect are let in'),
    registries: hosts().describe('Registries that clients reach through the proxy by HTTPS and that the mirror answers for: `host`, `host:port`, `*.domain`'),
    intercept: hosts().describe("Other hosts whose HTTPS ends here, with certificates of the daemon's own CA, so that rules see whole URLs"),
    rules: z.array(rule).default([]).describe('What becomes of requests, by their URLs'),
    allow: hosts().describe('Hosts, `*.domain`, addresses and networks that may be at private addresses; hosts that `registries` and `intercept` name may'),
    connectPorts: z.array(z.number().int().min(1).max(65_535)).default([443]).describe('Ports to which tunnels may lead; those of `registries` and `intercept` may too'),
    maxConnections: z.number().int().min(1).max(65_535).default(1024).describe('Clients that may be connected at once'),
    idleTimeout: duration().default(300_000).describe('How long a connection or a tunnel may be silent'),
  })
  .refine(({ address, users }) => isLoopback(address) || Object.keys(users).length > 0, {
    path: ['users'],
    error: 'expected at least one user where others than this host reach the proxy (proxy.address)',
  })

function checked(read: (text: string) => void): z.ZodString {
  return z.string().superRefine((text, context) => {
    try {
      read(text)
    } catch (error) {
      context.addIssue({ code: 'custom', message: messageOf(error) })
    }
  })
}

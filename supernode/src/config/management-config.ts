import { isLoopback } from '@damselfly/exchange'
import { duration } from '@damselfly/shared/config'
import * as z from 'zod'
import { FORWARDING_HEADERS } from '../access/client-address.ts'
import { roleName, scopeName, type Role } from '../access/roles.ts'
import { isNetwork } from '../control/networks.ts'
import { address, LOOPBACK, port } from './listening.ts'

const pageOrigin = z.string().refine(isPageOrigin, { error: 'expected scheme, host and maybe port, such as https://console.example' })

const path = (): z.ZodString => z.string().min(1)

const clientRole = z
  .strictObject({
    commonName: z.string().min(1).optional().describe('`CN` of the subject'),
    organization: z.string().min(1).optional().describe('`O`'),
    organizationalUnit: z.string().min(1).optional().describe('`OU`'),
    role: roleName.describe('What the caller may do'),
    scopes: z.array(scopeName).min(1).optional().describe('Parts of the API that it is confined to; none: all that the role opens'),
  })
  .refine(({ commonName, organization, organizationalUnit }) => commonName ?? organization ?? organizationalUnit, {
    error: 'expected commonName, organization or organizationalUnit',
  })
export type ClientRole = z.output<typeof clientRole>

const tlsSettings = z
  .strictObject({
    mode: z
      .enum(['auto', 'on', 'off'])
      .default('auto')
      .describe('`auto`: HTTPS once an address is not loopback, or a certificate is given; `on`: always; `off`: plain HTTP, where others may read tokens'),
    certificate: path().optional().describe('File with a certificate and those that lead to its CA (PEM); none: the supernode makes its own'),
    key: path().optional().describe('File with its key (PEM)'),
    names: z.array(z.string().min(1)).default([]).describe('Names and addresses for the certificate that the supernode makes, beside those of the machine'),
    clientCa: path().optional().describe('File with the CA of client certificates (PEM); none: clients are not asked for any'),
    clients: z.enum(['optional', 'required']).default('optional').describe('Whether a connection without a client certificate is refused'),
    clientRoles: z.array(clientRole).default([]).describe('Roles of client certificates by their subject; the first that fits counts'),
  })
  .refine(({ certificate, key }) => (certificate === undefined) === (key === undefined), { path: ['key'], error: 'expected with `certificate`, and with it only' })
  .refine(({ clientCa, clients, clientRoles }) => clientCa !== undefined || (clients === 'optional' && clientRoles.length === 0), {
    path: ['clientCa'],
    error: 'expected where clients or clientRoles are set',
  })
export type ManagementTlsSettings = z.output<typeof tlsSettings>

/** Only asymmetric ones: with others the issuer's public keys would be secrets that everybody knows. */
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'] as const

const valuesFor = (role: Role): z.ZodDefault<z.ZodArray<z.ZodString>> => z.array(z.string().min(1)).default([]).describe(`Values of that claim that give the role ${role}`)

const oidcSettings = z.strictObject({
  issuer: z
    .string()
    .refine(isIssuer, { error: 'expected https://…, or http:// at a loopback address' })
    .describe('URL of the issuer, exactly as its tokens name it; its keys are found by discovery'),
  audience: z.string().min(1).describe('Whom its tokens must be for (`aud`)'),
  rolesClaim: z.string().min(1).default('roles').describe('Claim with the roles or groups, a list or words; dots lead into others: `realm_access.roles`'),
  roles: z
    .strictObject({ admin: valuesFor('admin'), operator: valuesFor('operator'), viewer: valuesFor('viewer'), peer: valuesFor('peer') })
    .prefault({})
    .describe('The highest role that a value gives counts; without any the caller is refused'),
  nameClaim: z.string().min(1).default('sub').describe('Claim with the name that the audit log shows'),
  algorithms: z.array(z.enum(ALGORITHMS)).min(1).default(['RS256', 'PS256', 'ES256', 'EdDSA']).describe('Signatures that are accepted'),
  clockTolerance: duration().default(30_000).describe('How much the clocks may differ'),
  caFile: path().optional().describe("File with the CA of the issuer (PEM); none: the system's"),
})
export type OidcSettings = z.output<typeof oidcSettings>

/** Settings of the management API. */
export const managementSettings = z.strictObject({
  addresses: z.array(address()).min(1).default(LOOPBACK).describe('Addresses of the management API'),
  maxConnections: z.number().int().min(1).max(65_535).default(512).describe('Clients of the management API that may be connected at once'),
  maxConnectionsPerAddress: z.number().int().min(1).max(65_535).default(128).describe('The same of one IPv4 address or IPv6 network of 64 bits'),
  trustedProxies: z
    .array(z.string().refine(isNetwork, { error: 'expected an address or a network, such as 10.0.0.0/8' }))
    .default([])
    .describe('Reverse proxies before the API, as addresses and networks: throttling and the audit log heed the callers that they name'),
  forwardingHeader: z.enum(FORWARDING_HEADERS).default('x-forwarded-for').describe('The header in which they name them, which every one of them must write'),
  port: port().default(65_080).describe('TCP port of the management API; 0: any free one'),
  tls: tlsSettings.prefault({}),
  oidc: oidcSettings.optional().describe('Tokens of an issuer that people log in at (OpenID Connect), beside those of the supernode'),
  metrics: z.enum(['token', 'open']).default('token').describe('Whether `/metrics` wants a token like other routes, or is for everybody who reaches it'),
  cors: z
    .strictObject({ origins: z.array(pageOrigin).default([]).describe('Origins of web pages that may call the API from browsers; none: no page may') })
    .prefault({}),
})

function isPageOrigin(text: string): boolean {
  return /^https?:/.test(text) && URL.canParse(text) && new URL(text).origin === text
}

function isIssuer(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, hostname, search, hash, username, password } = new URL(text)
  const isSafe = protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname.replaceAll(/[[\]]/g, '')))
  return isSafe && search === '' && hash === '' && username === '' && password === ''
}

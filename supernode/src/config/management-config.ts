import * as z from 'zod'
import { roleName, scopeName } from '../access/roles.ts'
import { address, LOOPBACK, port } from './listening.ts'

const pageOrigin = z.string().refine(isPageOrigin, { error: 'expected scheme, host and maybe port, such as https://console.example' })

const path = (): z.ZodString => z.string().min(1)

const clientRole = z
  .strictObject({
    commonName: z.string().min(1).optional().describe('`CN` of the subject'),
    organization: z.string().min(1).optional().describe('`O`'),
    organizationalUnit: z.string().min(1).optional().describe('`OU`'),
    role: roleName,
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

/** Settings of the management API. */
export const managementSettings = z.strictObject({
  addresses: z.array(address()).min(1).default(LOOPBACK).describe('Addresses of the management API'),
  maxConnections: z.number().int().min(1).max(65_535).default(512).describe('Clients of the management API that may be connected at once'),
  port: port().default(65_080).describe('TCP port of the management API; 0: any free one'),
  tls: tlsSettings.prefault({}),
  metrics: z.enum(['token', 'open']).default('token').describe('Whether `/metrics` wants a token like other routes, or is for everybody who reaches it'),
  cors: z
    .strictObject({ origins: z.array(pageOrigin).default([]).describe('Origins of web pages that may call the API from browsers; none: no page may') })
    .prefault({}),
})

function isPageOrigin(text: string): boolean {
  return /^https?:/.test(text) && URL.canParse(text) && new URL(text).origin === text
}

import { isAbsolute } from 'node:path'
import { secret } from '@damselfly/shared/config'
import * as z from 'zod'

const pemFile = (): z.ZodString => z.string().refine((path) => isAbsolute(path), { error: 'expected an absolute path' })

/** One entry of a list of registries that need more than their name. */
export const registrySettings = z
  .strictObject({
    host: z
      .string()
      .regex(/^[^/@\s]+$/, { error: 'expected HOST or HOST:PORT' })
      .transform((host) => host.toLowerCase())
      .describe('The registry, as `HOST` or `HOST:PORT`'),
    username: z.string().min(1).optional().describe('Whom this program logs in as; none: it asks anonymously'),
    password: secret().optional().describe('The password or access token that goes with the name'),
    token: secret().optional().describe('A token that the registry itself takes, instead of a name and a password'),
    plainHttp: z.boolean().optional().describe('Whether the registry is spoken to without TLS; default: if it is on this machine'),
    endpoint: z.url({ protocol: /^https?$/ }).optional().describe('Where the registry is served, if not under its name'),
    ca: pemFile().optional().describe('A file of PEM certificates that are trusted besides the usual ones'),
    clientCertificate: pemFile().optional().describe('A file with the PEM certificate that this program shows to the registry'),
    clientKey: pemFile().optional().describe('A file with the PEM key of that certificate'),
    insecure: z.boolean().default(false).describe('Whether the TLS certificate of the registry is not verified'),
  })
  .refine(({ username, password }) => (username === undefined) === (password === undefined), { error: 'give username and password together' })
  .refine(({ username, token }) => username === undefined || token === undefined, { error: 'give a password or a token, not both' })
  .refine(({ clientCertificate, clientKey }) => (clientCertificate === undefined) === (clientKey === undefined), {
    error: 'give clientCertificate and clientKey together',
  })

/** How a registry is reached, and as whom. */
export type RegistrySettings = z.output<typeof registrySettings>

/** What tests and programs give who need no more than a part of it. */
export type RegistryOptions = Partial<RegistrySettings> & Pick<RegistrySettings, 'host'>

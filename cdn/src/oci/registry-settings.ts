import { secret } from '@damselfly/shared/config'
import * as z from 'zod'

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
    plainHttp: z.boolean().default(false).describe('Whether the registry is spoken to without TLS'),
  })
  .refine(({ username, password }) => (username === undefined) === (password === undefined), { error: 'give username and password together' })

/** How a registry is reached, and as whom. */
export type RegistrySettings = z.output<typeof registrySettings>

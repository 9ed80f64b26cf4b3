import { byteRate, byteSize, duration, loadConfig, secret, type ConfigInput } from '@damselfly/shared/config'
import * as z from 'zod'

/** A configuration with a setting of every kind. */
export const schema = z.strictObject({
  dataDir: z
    .string()
    .min(1)
    .default('/var/lib/x')
    .meta({ flag: '--data-dir', description: 'Where | things\nare kept' }),
  listen: z
    .strictObject({
      port: z.int().min(0).max(65_535).default(65_000).meta({ flag: '--port', description: 'TCP port' }),
      addresses: z.array(z.string()).default(['::']),
    })
    .prefault({}),
  cache: z.object({
    quota: byteSize()
      .default(10 * 1024 ** 3)
      .describe('Space to use'),
    rate: byteRate().prefault('0'),
    idle: duration().prefault('5m'),
    enabled: z.boolean().default(true),
    ratio: z.number().default(0.5),
    kinds: z.array(z.int()).default([]),
  }),
  token: secret().optional(),
  level: z.enum(['info', 'debug']).default('info'),
  origins: z.record(z.string(), z.strictObject({ insecure: z.boolean().default(false) })).default({}),
  rules: z.array(z.strictObject({ host: z.string(), limit: byteRate().optional() })).default([]),
  upstream: z.strictObject({ url: z.url(), timeout: duration().prefault('30s') }).optional(),
})

export type Fixture = z.output<typeof schema>
export type Sources = Partial<Pick<ConfigInput<typeof schema>, 'env' | 'flags'>> & { readonly yaml?: string }

export function load({ yaml, env = {}, flags = {} }: Sources = {}): Fixture {
  const file = yaml === undefined ? undefined : { path: 'conf.yaml', text: yaml }
  return loadConfig({ schema, program: 'supernode', file, env, flags })
}

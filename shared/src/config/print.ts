import { stringify } from 'yaml'
import type * as z from 'zod'
import { toWritten } from './format-value.ts'
import { describeSchema } from './schema-node.ts'

/** The configuration in force as YAML that `loadConfig` reads again; secrets are replaced. */
export function printConfig<Schema extends z.ZodType>(schema: Schema, config: z.output<Schema>): string {
  return stringify(toWritten(config, describeSchema(schema)))
}

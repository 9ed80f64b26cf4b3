import { configFileVariable, configReference, type Program } from '@damselfly/shared/config'
import type * as z from 'zod'
import { daemonConfigSchema } from '../../dfdaemon/src/config/config.ts'
import { dfgetConfigSchema } from '../../dfget/src/config.ts'
import { supernodeConfigSchema } from '../../supernode/src/config/config.ts'
import { pageText, type Page } from './page.ts'

const SCHEMAS: Readonly<Record<Program, z.ZodType>> = {
  supernode: supernodeConfigSchema,
  dfdaemon: daemonConfigSchema,
  dfget: dfgetConfigSchema,
}

export function settingsPages(): Page[] {
  return Object.entries(SCHEMAS).map(([program, schema]) => {
    return { name: `${program}-config.md`, write: async () => settings(program as Program, schema) }
  })
}

function settings(program: Program, schema: z.ZodType): string {
  const variable = configFileVariable(program)
  const intro = `Flags come before environment variables, these before the YAML file that \`--config FILE\` or \`${variable}\` names, and that
before the defaults. In YAML a dot is a level of indentation. In a variable the items of a list are separated by
commas, and an empty variable counts as not set. Unknown settings are refused. \`${program} --print-config\` shows what is in force.`
  return pageText(`Settings of ${program}`, [intro, configReference(schema, program).trimEnd()])
}

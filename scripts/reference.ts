import { configFileVariable, configReference, type Program } from '@damselfly/shared/config'
import { ERROR_CODES, EXIT } from '@damselfly/shared'
import type * as z from 'zod'
import { daemonConfigSchema } from '../dfdaemon/src/config/config.ts'
import { dfgetConfigSchema } from '../dfget/src/config.ts'
import { supernodeConfigSchema } from '../supernode/src/config/config.ts'

/** A generated page. */
export interface Page {
  /** Below `docs/reference/`. */
  readonly name: string
  readonly text: string
}

const SCHEMAS: Readonly<Record<Program, z.ZodType>> = {
  supernode: supernodeConfigSchema,
  dfdaemon: daemonConfigSchema,
  dfget: dfgetConfigSchema,
}

/** Every page that is made from the code, so that it cannot say anything else. */
export function referencePages(): Page[] {
  const configurations = Object.entries(SCHEMAS).map(([program, schema]) => configPage(program as Program, schema))
  return [...configurations, errorPage()]
}

const GENERATED = '<!-- Written by `npm run docs`; change the code instead. -->\n'

function configPage(program: Program, schema: z.ZodType): Page {
  const variable = configFileVariable(program)
  const text = `# Settings of ${program}

${GENERATED}
Flags come before environment variables, these before the YAML file that \`--config FILE\` or \`${variable}\` names, and that
before the defaults. In YAML a dot is a level of indentation. In a variable the items of a list are separated by
commas, and an empty variable counts as not set. Unknown settings are refused. \`${program} --print-config\` shows what is in force.

${configReference(schema, program)}`
  return { name: `${program}-config.md`, text }
}

function errorPage(): Page {
  const codes = Object.entries(ERROR_CODES).map(
    ([code, { meaning, advice, exit, http }]) => `| \`${code}\` | ${meaning} | ${advice} | ${exit} | ${http} |`,
  )
  const exits = Object.entries(EXIT).map(
    ([name, exit]) => `| ${exit} | ${name.replaceAll(/[A-Z]/g, ' $&').toLowerCase()} |`,
  )
  const text = `# Errors

${GENERATED}
Each error has a code that never changes. Programs print it in brackets, APIs answer it as \`code\`.

| Code | Thrown when | What to do | Exit code | HTTP status |
| --- | --- | --- | --- | --- |
${codes.join('\n')}

## Exit codes

| Exit code | Kind |
| --- | --- |
${exits.join('\n')}
`
  return { name: 'errors.md', text }
}

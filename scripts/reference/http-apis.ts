import { pageText, table, type Page } from './page.ts'
import { askRunning, type Server } from './running-servers.ts'

export const httpApisPage: Page = { name: 'http-api.md', write: httpApis }

/** The part of an OpenAPI description that the page shows. */
interface Description {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
}

interface Operation {
  readonly description: string
  readonly parameters?: readonly Parameter[]
  readonly requestBody?: { readonly content: { readonly 'application/json': { readonly schema: ObjectSchema } } }
  readonly responses: Readonly<Record<string, unknown>>
  readonly security?: readonly { readonly token?: readonly string[] }[]
}

interface Parameter extends Described {
  readonly name: string
  readonly in: string
  readonly schema: Schema
}

interface ObjectSchema {
  readonly properties: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
}

interface Schema extends Described {
  readonly type?: string
  readonly enum?: readonly string[]
  readonly default?: unknown
}

interface Described {
  readonly description?: string
}

const MANAGEMENT = `## The supernode's management API

HTTP on the addresses \`management.addresses\` and \`management.port\` (\`http://127.0.0.1:65080\`), HTTPS beyond loopback. Every route but the two marked *open* wants
\`Authorization: Bearer TOKEN\`; the token is in \`admin-token\` in the data directory. [Examples](../guides/supernode.md#the-management-api).`

const LOCAL = `## The daemon's local API

HTTP on the unix socket \`api.socket\`. Whoever may open the socket may use it: owner and group. [Examples](../guides/daemon.md#the-local-api).`

async function httpApis(): Promise<string> {
  return pageText('HTTP APIs', [
    'Both APIs describe themselves in full, schemas included, as OpenAPI at `/openapi.json`. An error is a JSON object with `code`,\n' +
      '`message` and `advice`; the [list of codes](errors.md) has the HTTP status of each.',
    MANAGEMENT,
    ...(await routesOf('supernode', rightsOf)),
    LOCAL,
    ...(await routesOf('dfdaemon', () => '')),
  ])
}

/** What a caller of the management API must have. */
function rightsOf({ security = [] }: Operation): string {
  const needs = security[0]?.token
  if (needs === undefined) return ' *open*'
  const [role = 'any token', scope] = needs
  return ` *${role}${scope === undefined ? '' : `, ${scope.replace('scope:', '')}`}*`
}

async function routesOf(server: Server, mark: (route: Operation) => string): Promise<string[]> {
  const { paths } = JSON.parse(await askRunning(server, '/openapi.json')) as Description
  const routes = Object.entries(paths).flatMap(([path, operations]) => {
    return Object.entries(operations).map(([method, route]) => [`\`${method.toUpperCase()} ${path}\``, route] as const)
  })
  const rows = routes.map(([name, route]) => [name + mark(route), route.description, Object.keys(route.responses).join(', ')])
  return [table(['Route', 'What it does', 'Answers'], rows), ...routes.flatMap(([name, route]) => inputsOf(name, route))]
}

/** What a route takes, if that is more than its path says. */
function inputsOf(name: string, { parameters = [], requestBody }: Operation): string[] {
  const body = requestBody?.content['application/json'].schema
  const fields = Object.entries(body?.properties ?? {}).map(([field, schema]) => {
    return [`\`${field}\``, valuesOf(schema), defaultOf(schema, body?.required?.includes(field) === true), schema.description ?? '']
  })
  const others = parameters.filter((parameter) => parameter.in !== 'path').map((parameter) => {
    const { in: place, name: field, schema, description = '' } = parameter
    return [`\`${field}\` (${place})`, valuesOf(schema), defaultOf(schema, false), description]
  })
  const rows = [...others, ...fields]
  return rows.length === 0 ? [] : [`${name} takes:`, table(['Name', 'Values', 'Default', 'Meaning'], rows)]
}

function valuesOf({ enum: values, type = '' }: Schema): string {
  return values === undefined ? type : values.map((value) => `\`${value}\``).join(', ')
}

function defaultOf(schema: Schema, isRequired: boolean): string {
  if (isRequired) return 'required'
  return schema.default === undefined ? '-' : `\`${JSON.stringify(schema.default)}\``
}

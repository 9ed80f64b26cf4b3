import { DamselflyError, messageOf } from '@damselfly/shared'
import { loadConfig, type ConfigFile } from '@damselfly/shared/config'
import * as z from 'zod'
import { isFigureId } from '../measure/figures.ts'
import { scenarioSchema, type Scenario } from './schema.ts'

/** Settings laid over those of the file, in the same shape. */
export type Overrides = Readonly<Record<string, unknown>>

/** One of the runs that a file describes. */
export interface NamedScenario {
  /** Empty if it is the only one. */
  readonly name: string
  readonly scenario: Scenario
}

const fileSchema = scenarioSchema.extend({
  runs: z
    .array(
      z.strictObject({
        name: z.string().min(1).describe('How the run is called'),
        with: z.record(z.string(), z.unknown()).default({}).describe('Settings that replace those of the file'),
      }),
    )
    .default([])
    .describe('Variants of the scenario that are simulated one after the other; none: the scenario as it is'),
})

/**
 * All runs of a scenario file.
 *
 * @param overrides are laid over every run
 * @throws DamselflyError CONFIG_INVALID naming every problem, one per line, with the line of the file
 */
export function readScenarios(file: ConfigFile, overrides: Overrides = {}): readonly NamedScenario[] {
  const { runs, ...plain } = load(file, overrides)
  if (runs.length === 0) return [{ name: '', scenario: checked(plain) }]
  return runs.map(({ name, with: settings }) => {
    try {
      const { runs: _, ...scenario } = load(file, layered(settings, overrides))
      return { name, scenario: checked(scenario) }
    } catch (error) {
      throw new DamselflyError('CONFIG_INVALID', `in run '${name}': ${messageOf(error)}`)
    }
  })
}

function load(file: ConfigFile, overrides: Overrides): z.output<typeof fileSchema> {
  return loadConfig({ schema: fileSchema, file, env: {}, flags: { ...overrides } })
}

function layered(under: Overrides, over: Overrides): Overrides {
  const result: Record<string, unknown> = { ...under }
  for (const [key, value] of Object.entries(over)) {
    const below = result[key]
    result[key] = isSection(value) && isSection(below) ? layered(below, value) : value
  }
  return result
}

function isSection(value: unknown): value is Overrides {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** What no schema can say: what belongs together. */
function checked(scenario: Scenario): Scenario {
  const { peers, cdn, origin, network, goals } = scenario
  const problems: string[] = []
  const classes = Object.entries(peers)
  if (!classes.some(([, { downloads }]) => downloads)) problems.push('peers: nobody downloads anything')
  const isBounded = cdn.upload > 0 || classes.every(([, { download }]) => download > 0)
  if (!isBounded) problems.push('cdn.upload: with neither a limit here nor on every download everything arrives at once')
  if (origin.rate === 0 && cdn.upload === 0 && classes.some(([, { download }]) => download === 0)) {
    problems.push('origin.rate: something between the origin and the peers must have a limit')
  }
  const places = new Set([cdn.at, ...classes.flatMap(([, { at }]) => at)].map((at) => at.split('/')[0]))
  for (const [name, { between }] of Object.entries(network.lines)) {
    const [a, b] = between
    if (a === b) problems.push(`network.lines.${name}: joins '${a}' with itself`)
    for (const end of between) if (!places.has(end)) problems.push(`network.lines.${name}: nobody is at '${end}'`)
  }
  for (const id of Object.keys(goals)) if (!isFigureId(id)) problems.push(`goals.${id}: there is no such figure`)
  if (problems.length > 0) throw new DamselflyError('CONFIG_INVALID', problems.join('\n'))
  return scenario
}

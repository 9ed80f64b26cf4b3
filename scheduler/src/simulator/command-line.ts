import { parseArgs } from 'node:util'
import { DamselflyError, messageOf } from '@damselfly/shared'
import type { Question } from './explain.ts'
import type { Overrides } from './scenario/read-scenario.ts'

export const USAGE = `npm run simulate -- SCENARIO            runs a scenario: a file, or the name of one in scheduler/scenarios
npm run simulate -- --replay TRACE      tells the scheduler what a trace says, and compares the answers

  --run NAME        only the run of that name
  --set PATH=VALUE  replaces a setting of the scenario, such as peers.ordinary.count=100; may be repeated
  --seed N          the same as --set seed=N
  --json            prints the results as a JSON array
  --svg DIR         draws the completion curve and the spread of the pieces of each run
  --record FILE     writes a trace of what the scheduler is told and answers; for a single run
  --policy MODULE   decides by the policies of this module: a file, or the name of a package
  --explain PIECE/PEER
                    says how the peer (the end of its id) came to the piece; PIECE/ or /PEER for all of one of them
`

export type Task =
  | { readonly type: 'help' }
  | { readonly type: 'replay'; readonly trace: string; readonly policy: string | undefined; readonly question: Question | undefined }
  | {
      readonly type: 'simulate'
      readonly scenario: string
      readonly run: string | undefined
      readonly overrides: Overrides
      readonly asJson: boolean
      readonly svgDirectory: string | undefined
      readonly record: string | undefined
      readonly policy: string | undefined
      readonly question: Question | undefined
    }

/** @throws DamselflyError USAGE */
export function parseSimulateCommand(args: readonly string[]): Task {
  const { values, positionals } = parse(args)
  if (values.help) return { type: 'help' }
  const [scenario, ...rest] = positionals
  const common = { policy: values.policy, question: values.explain === undefined ? undefined : readQuestion(values.explain) }
  if (values.replay !== undefined) {
    if (scenario !== undefined) throw new DamselflyError('USAGE', '--replay takes no scenario: the trace tells everything')
    return { type: 'replay', trace: values.replay, ...common }
  }
  if (scenario === undefined || rest.length > 0) throw new DamselflyError('USAGE', 'expected one scenario')
  const seed = values.seed === undefined ? [] : [`seed=${values.seed}`]
  return {
    type: 'simulate',
    scenario,
    run: values.run,
    overrides: readOverrides([...values.set, ...seed]),
    asJson: values.json,
    svgDirectory: values.svg,
    record: values.record,
    ...common,
  }
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        run: { type: 'string' },
        set: { type: 'string', multiple: true, default: [] },
        seed: { type: 'string' },
        json: { type: 'boolean', default: false },
        svg: { type: 'string' },
        record: { type: 'string' },
        replay: { type: 'string' },
        policy: { type: 'string' },
        explain: { type: 'string' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    })
  } catch (error) {
    throw new DamselflyError('USAGE', messageOf(error))
  }
}

function readQuestion(text: string): Question {
  const [, piece = '', peer = ''] = /^(\d*)\/(.*)$/.exec(text) ?? []
  if (piece === '' && peer === '') throw new DamselflyError('USAGE', `--explain '${text}': write PIECE/PEER, PIECE/ or /PEER`)
  return { piece: piece === '' ? undefined : Number(piece), peer: peer === '' ? undefined : peer }
}

function readOverrides(settings: readonly string[]): Overrides {
  const tree: Record<string, unknown> = {}
  for (const setting of settings) {
    const equals = setting.indexOf('=')
    if (equals <= 0) throw new DamselflyError('USAGE', `'${setting}' is not PATH=VALUE`)
    const path = setting.slice(0, equals).split('.')
    const last = path.pop() as string
    let section = tree
    for (const key of path) section = (section[key] ??= {}) as Record<string, unknown>
    section[last] = setting.slice(equals + 1)
  }
  return tree
}

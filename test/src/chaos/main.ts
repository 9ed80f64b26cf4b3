import { randomInt } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { messageOf } from '@damselfly/shared'
import { whyNoNetwork } from '../lab-network.ts'
import { Lab } from '../lab.ts'
import { runChaos, type ChaosInit, type ChaosResult } from './chaos.ts'
import { FAULT_KINDS, type FaultKind } from './faults.ts'
import { reportOf } from './report.ts'

const USAGE = `npm run chaos                      five minutes in which everything goes wrong that can
npm run chaos -- --minutes 120     longer
npm run chaos -- --seed 7          the same faults and downloads as in another run with this seed and length
npm run chaos -- --peers 4         fewer daemons (default: 8)
npm run chaos -- --log FOLDER      where what happened and what the programs said is written (default: only if something breaks)
npm run chaos -- --only kill,loss  only these faults: ${FAULT_KINDS.join(', ')}

Starts a supernode, an origin and peers on hosts of their own (network namespaces; needs root), lets them be killed,
frozen, cut off, damaged and lied to by a plan that depends on the seed alone, and checks what has to hold all the same.
`

/** The exit code where there cannot be such a network, as of tests that are skipped. */
const CANNOT_RUN = 77

/** @returns the exit code: 1 if something was broken, 2 for a wrong use, 77 where it cannot run */
export async function chaos(args: readonly string[]): Promise<number> {
  const init = read(args)
  if (typeof init === 'number') return init
  const why = await whyNoNetwork()
  if (why !== undefined) {
    process.stdout.write(`chaos: ${why}\n`)
    return CANNOT_RUN
  }
  process.stdout.write(`Chaos for ${init.seconds / 60} minutes with ${init.peers} peers and seed ${init.seed}\n`)
  const lab = await Lab.create()
  try {
    const result = await runChaos(lab, init)
    process.stdout.write(`\n${reportOf(result)}`)
    const isBroken = result.violations.length > 0
    const folder = init.log ?? (isBroken ? join(tmpdir(), `damselfly-chaos-${init.seed}`) : undefined)
    if (folder !== undefined) await writeLogs(folder, result)
    if (isBroken) process.stdout.write(`  again        ${commandOf(init)}\n`)
    return isBroken ? 1 : 0
  } catch (error) {
    // What fails while it is stopped must not hide what failed first.
    const cause = error instanceof Error && error.name === 'AbortError' ? error.cause : error
    process.stdout.write(`chaos: ${cause instanceof Error ? (cause.stack ?? cause.message) : messageOf(cause)}\n`)
    return 1
  } finally {
    await lab.stop()
  }
}

async function writeLogs(folder: string, { said, faults, downloads }: ChaosResult): Promise<void> {
  await mkdir(folder, { recursive: true })
  for (const [name, text] of said) await writeFile(join(folder, `${name}.log`), text)
  await writeFile(join(folder, 'run.json'), JSON.stringify({ faults, downloads }, null, 2))
  process.stdout.write(`  logs         ${folder}\n`)
}

function commandOf({ seed, seconds, peers, kinds }: ChaosInit): string {
  const only = kinds === undefined ? '' : ` --only ${kinds.join(',')}`
  return `npm run chaos -- --seed ${seed} --minutes ${seconds / 60} --peers ${peers}${only}`
}

interface Asked extends ChaosInit {
  /** A folder; undefined: only if something breaks. */
  readonly log: string | undefined
}

function read(args: readonly string[]): Asked | number {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        seed: { type: 'string' },
        minutes: { type: 'string', default: '5' },
        peers: { type: 'string', default: '8' },
        only: { type: 'string' },
        log: { type: 'string' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    })
    if (values.help) {
      process.stdout.write(USAGE)
      return 0
    }
    return {
      seed: values.seed === undefined ? randomInt(2 ** 31) : numberOf('seed', values.seed),
      seconds: 60 * numberOf('minutes', values.minutes),
      peers: numberOf('peers', values.peers),
      ...(values.only === undefined ? {} : { kinds: values.only.split(',').map(kindOf) }),
      log: values.log,
      say: (line) => process.stdout.write(`${line}\n`),
    }
  } catch (error) {
    process.stdout.write(`chaos: ${messageOf(error)}\n\n${USAGE}`)
    return 2
  }
}

function numberOf(name: string, text: string): number {
  const number = Number(text)
  if (!(number > 0) && !(name === 'seed' && number === 0)) throw new Error(`--${name} ${text} is not a positive number`)
  return number
}

function kindOf(name: string): FaultKind {
  const kind = FAULT_KINDS.find((one) => one === name)
  if (kind === undefined) throw new Error(`there is no fault ${name}`)
  return kind
}

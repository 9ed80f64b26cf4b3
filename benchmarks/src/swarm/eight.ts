import { writeRandomFile } from '@damselfly/test'
import type { BenchContext } from '../bench.ts'
import { cpuTimeOf } from '../cpu-time.ts'
import type { Figure } from '../figure.ts'
import { inRounds, type Runs } from '../rounds.ts'
import { ariaSwarm } from './aria-swarm.ts'
import type { SwarmCase, SwarmFile, SwarmRun, SwarmSetting } from './case.ts'
import { figuresOf, type CaseName, type SwarmWay } from './figures.ts'
import { ourSwarm } from './our-swarm.ts'

const MIB = 1024 * 1024

/** Bytes. */
const FILE_LENGTH = 256 * MIB

const ROUNDS = 2

/** Of what has no goal. */
const ROUNDS_TO_INFORM = 1

const PEERS = 8

const CASES: Readonly<Record<CaseName, SwarmCase>> = {
  unlimited: { peers: PEERS, uploadRate: 0, encrypted: false },
  limited: { peers: PEERS, uploadRate: 16 * MIB, encrypted: false },
  encrypted: { peers: PEERS, uploadRate: 0, encrypted: true },
}

/** The same file to eight peers, through BitTorrent and through us. */
export async function eightOnLoopback(context: BenchContext): Promise<readonly Figure[]> {
  return figuresOf(await measure(context))
}

async function measure(context: BenchContext): Promise<Runs<SwarmWay, SwarmRun>> {
  const { withLab, report, rounds = ROUNDS } = context
  return withLab(async (originLab) => {
    const nginx = await originLab.nginx()
    const path = `${nginx.root}/file`
    const sha256 = await writeRandomFile(path, FILE_LENGTH, 1)
    const originCpu = async (): Promise<number> => nginx.cpuTime(cpuTimeOf)
    const file = { path, length: FILE_LENGTH, sha256, url: nginx.url('file'), originCpu }
    const common = {
      // Every swarm starts programs of its own.
      warmUp: false,
      withSetting: async (work: (setting: Scene) => Promise<void>) => work({ context, file }),
      describe: describeRun,
      report,
    }
    const withGoals = await inRounds({
      ...common,
      rounds,
      ways: {
        'aria2, unlimited': swarmOf(ariaSwarm, CASES.unlimited),
        'ours, unlimited': swarmOf(ourSwarm, CASES.unlimited),
        'aria2, limited': swarmOf(ariaSwarm, CASES.limited),
        'ours, limited': swarmOf(ourSwarm, CASES.limited),
      },
    })
    const toInform = await inRounds({
      ...common,
      rounds: Math.min(rounds, ROUNDS_TO_INFORM),
      ways: {
        'aria2, encrypted': swarmOf(ariaSwarm, CASES.encrypted),
        'ours, encrypted': swarmOf(ourSwarm, CASES.encrypted),
      },
    })
    return { ...withGoals, ...toInform }
  })
}

function describeRun({ last, cpu, fromPeers }: SwarmRun): string {
  return `last after ${last.toFixed(2)} s, ${cpu.toFixed(1)} CPU-s, ${(fromPeers * 100).toFixed(0)}% from peers`
}

interface Scene {
  readonly context: BenchContext
  readonly file: SwarmFile
}

/** A swarm with a lab of its own, which is gone before the next begins. */
function swarmOf(swarm: (setting: SwarmSetting, swarmCase: SwarmCase) => Promise<SwarmRun>, swarmCase: SwarmCase) {
  return async ({ context, file }: Scene): Promise<SwarmRun> =>
    context.withLab(async (lab) => swarm({ lab, programs: context.programs, file }, swarmCase))
}

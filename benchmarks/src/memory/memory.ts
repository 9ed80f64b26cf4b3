import { rm } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { writeRandomFile } from '@damselfly/test'
import type { Bench, BenchContext } from '../bench.ts'
import { cpuTimeOfEndedChildren } from '../cpu-time.ts'
import { figure, type Figure } from '../figure.ts'
import { measured } from '../measured.ts'
import { curlAndDigest } from '../references/checked-download.ts'
import type { References } from '../references/succeed.ts'
import { inRounds, ratios, type Runs } from '../rounds.ts'
import { warmMemory } from '../warm-memory.ts'
import { explanation } from './explanation.ts'

/** Bytes. */
const FILE_LENGTH = 512 * 1024 * 1024

const ROUNDS = 4

/** In which a virtual machine has given its free memory back; milliseconds. */
const IDLE = 10_000

/** Whether the harness takes away what would make its figures spread. */
export const memoryBench: Bench = {
  name: 'memory',
  title: 'curl + openssl dgst with and without memory that was warmed before',
  needs: ['nginx', 'curl', 'openssl'],
  explanation,
  run: async (context) => figuresOf(await measure(context)),
}

interface Run {
  /** Seconds. */
  readonly wall: number
  readonly cpu: number
}

async function measure({ withLab, programs, rounds = ROUNDS, report }: BenchContext): Promise<Runs<'found' | 'warmed', Run>> {
  return withLab(async (lab) => {
    const nginx = await lab.nginx()
    await writeRandomFile(`${nginx.root}/file`, FILE_LENGTH, 1)
    const download = async (isWarmed: boolean): Promise<Run> => {
      const output = lab.path('output')
      // Nothing tells when memory was given back.
      await sleep(IDLE)
      if (isWarmed) await warmMemory(lab.path(), 2 * FILE_LENGTH)
      const { wall, used } = await measured({ cpu: cpuTimeOfEndedChildren }, async () => curlAndDigest({ lab, programs }, nginx.url('file'), output))
      await rm(output)
      return { wall, cpu: used.cpu }
    }
    return inRounds({
      rounds,
      ways: { found: async () => download(false), warmed: async () => download(true) },
      withSetting: async (work: (setting: References) => Promise<void>) => work({ lab, programs }),
      describe: ({ wall, cpu }) => `${wall.toFixed(2)} s, ${cpu.toFixed(2)} CPU-s`,
      report,
    })
  })
}

function figuresOf({ found, warmed }: Runs<'found' | 'warmed', Run>): readonly Figure[] {
  const wall = (run: Run): number => run.wall
  const cpu = (run: Run): number => run.cpu
  return [
    figure('as found / warmed', 'x', ratios(found, warmed, wall)),
    figure('CPU as found / warmed', 'x', ratios(found, warmed, cpu)),
    figure('as found, slowest / fastest', 'x', [slowestToFastest(found)]),
    figure('warmed, slowest / fastest', 'x', [slowestToFastest(warmed)]),
    figure('as found', 's', found.map(wall)),
    figure('warmed', 's', warmed.map(wall)),
    figure('as found CPU', 'CPU-s', found.map(cpu)),
    figure('warmed CPU', 'CPU-s', warmed.map(cpu)),
  ]
}

function slowestToFastest(runs: readonly Run[]): number {
  const walls = runs.map(({ wall }) => wall)
  return Math.max(...walls) / Math.min(...walls)
}

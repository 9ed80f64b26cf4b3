import type { BenchContext } from '../../bench.ts'
import type { Figure } from '../../figure.ts'
import { inRounds } from '../../rounds.ts'
import { figuresOf } from './figures.ts'
import { downloadOnHosts, type HostsCase, type HostsRun } from './run.ts'

/** The file, the hosts and the faster lines are those of the simulator's scenario `twelve-hosts`. */
const CASES = {
  '100 Mbit/s': { hosts: 12, rate: 100_000_000, length: 100 * 1024 * 1024 },
  '25 Mbit/s': { hosts: 12, rate: 25_000_000, length: 100 * 1024 * 1024 },
} as const satisfies Record<string, HostsCase>

export type Lines = keyof typeof CASES

const ROUNDS = 3

/** The same file to twelve hosts at once, on a network of their own. */
export async function twelveHosts(context: BenchContext): Promise<readonly Figure[]> {
  const { withLab, programs, report, rounds = ROUNDS } = context
  const onLines = (lines: Lines) => async (): Promise<HostsRun> => withLab(async (lab) => downloadOnHosts({ lab, programs }, CASES[lines]))
  const runs = await inRounds<Lines, undefined, HostsRun>({
    rounds,
    ways: { '100 Mbit/s': onLines('100 Mbit/s'), '25 Mbit/s': onLines('25 Mbit/s') },
    withSetting: async (work) => work(undefined),
    describe: ({ last, copy, fromCdn, cpu }) =>
      `twelve hosts: last after ${last.toFixed(2)} s, one copy ${copy.toFixed(2)} s, ${fromCdn.toFixed(2)} copies from the CDN, ${cpu.toFixed(1)} CPU-s`,
    report,
  })
  return (Object.keys(CASES) as Lines[]).flatMap((lines) => figuresOf(lines, CASES[lines], runs[lines]))
}

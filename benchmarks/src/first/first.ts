import { writeRandomFile } from '@damselfly/test'
import type { Bench, BenchContext } from '../bench.ts'
import { inRounds } from '../rounds.ts'
import { explanation } from './explanation.ts'
import { figuresOf, type FirstRuns } from './figures.ts'
import { aria2, cold, FILE, reference, three, warm, type Setting } from './ways.ts'

/** Bytes. */
const FILE_LENGTH = 512 * 1024 * 1024

const ROUNDS = 5

/** What a person does without us, and what it takes through us, side by side. */
export const firstBench: Bench = {
  name: 'first',
  title: 'curl + openssl dgst, aria2, dfget cold and warm, three peers cold; 512 MiB from nginx on loopback',
  needs: ['nginx', 'curl', 'openssl'],
  uses: ['aria2c'],
  explanation,
  run: async (context) => figuresOf(await measure(context)),
}

async function measure(context: BenchContext): Promise<FirstRuns> {
  const { withLab, rounds = ROUNDS, programs, report } = context
  return withLab(async (originLab) => {
    const nginx = await originLab.nginx()
    const digest = await writeRandomFile(`${nginx.root}/${FILE}`, FILE_LENGTH, 1)
    // Stores of earlier rounds would have the disk busy writing what curl's one output never leaves behind.
    const withSetting = (work: (setting: Setting) => Promise<void>): Promise<void> =>
      withLab(async (lab) => {
        const supernode = await lab.supernode()
        const start = async (name: string): Promise<Setting['peers'][0]> => lab.daemon(name, { supernodes: [supernode.address] })
        const peers = await Promise.all([start('a'), start('b'), start('c')])
        await work({ lab, programs, nginx, supernode, peers, digest, length: FILE_LENGTH })
      })
    return inRounds({
      rounds,
      ways: { reference, aria2: programs.has('aria2c') ? aria2 : undefined, cold, warm, three },
      withSetting,
      describe: ({ wall, totalCpu }) => `${wall.toFixed(2)} s, ${totalCpu.toFixed(2)} CPU-s`,
      report,
    })
  })
}

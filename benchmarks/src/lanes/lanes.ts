import type { Bench, BenchContext } from '../bench.ts'
import { pathOf } from '../references/succeed.ts'
import { inRounds } from '../rounds.ts'
import { speedOf } from './cipher-speed.ts'
import { explanation } from './explanation.ts'
import { figuresOf, type Measurements, type WayName } from './figures.ts'
import { peakMemory } from '../process-memory.ts'
import { withProcesses, type Setting } from './setting.ts'
import { describeRun, lane, raw, reference, stock, type Run } from './ways.ts'

/** Bytes. */
const CONTENT_LENGTH = 1024 * 1024 * 1024

const ROUNDS = 5

/** What carrying bytes costs, lane by lane. */
export const lanesBench: Bench = {
  name: 'lanes',
  title: '1 GiB from the store of one peer into that of another: plain, TLS and libp2p lanes beside nginx + curl + openssl dgst',
  needs: ['nginx', 'curl', 'openssl'],
  explanation,
  run: async (context) => figuresOf(await measure(context)),
}

async function measure(context: BenchContext): Promise<Measurements> {
  const { rounds = ROUNDS, programs, report } = context
  const openssl = pathOf(programs, 'openssl')
  return withProcesses(context, CONTENT_LENGTH, async (setting) => {
    const runs = await inRounds<WayName, Setting, Run>({
      rounds,
      ways: {
        reference,
        plain: lane('plain'),
        direct: lane('direct'),
        libp2p: lane('libp2p'),
        'stock libp2p': stock,
        'raw TCP': raw,
      },
      withSetting: async (work) => work(setting),
      describe: describeRun,
      report,
    })
    const { sender, receiver } = setting.peers
    return {
      runs,
      length: CONTENT_LENGTH,
      peaks: { parent: await peakMemory(sender.pid), child: await peakMemory(receiver.pid) },
      speeds: {
        sha256: await speedOf(openssl, 'sha256'),
        'aes-128-gcm': await speedOf(openssl, 'aes-128-gcm'),
        'chacha20-poly1305': await speedOf(openssl, 'chacha20-poly1305'),
      },
    }
  })
}

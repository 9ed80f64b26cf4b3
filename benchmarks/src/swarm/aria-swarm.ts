import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { digestOf, freePort, type Program } from '@damselfly/test'
import { cpuTimeOf } from '../cpu-time.ts'
import { sumOf } from '../measured.ts'
import { pathOf } from '../references/succeed.ts'
import { warmMemory } from '../warm-memory.ts'
import { memoryFor, type SwarmCase, type SwarmRun, type SwarmSetting } from './case.ts'
import { torrentOf } from './torrent.ts'
import { Tracker } from './tracker.ts'

/** Bytes; as large as our pieces of such a file. */
const PIECE_LENGTH = 1024 * 1024

/** How often somebody looks whether all have ended; the time itself is told by the peers. Milliseconds. */
const LOOK_EVERY = 50

/** Milliseconds. */
const TIME_LIMIT = 600_000

/** Tells when the file in `$3` was whole; nanoseconds since 1970. */
const WHEN_DONE = '#!/bin/sh\ndate +%s%N > "$3.done"\n'

/** A seeder that has the file, and `peers` that want it at the same time and stay when they have it. */
export async function ariaSwarm(setting: SwarmSetting, swarmCase: SwarmCase): Promise<SwarmRun> {
  const { lab, file } = setting
  const tracker = await Tracker.start()
  try {
    await writeFile(lab.path('torrent'), await torrentOf(file.path, PIECE_LENGTH, tracker.url))
    await writeFile(lab.path('when-done'), WHEN_DONE)
    await chmod(lab.path('when-done'), 0o755)
    const seeder = await startPeer(setting, swarmCase, 2, dirname(file.path), ['--bt-seed-unverified=true'])
    await tracker.peersAre(1)

    const folders = Array.from({ length: swarmCase.peers }, (_, i) => lab.path(`leecher-${i}`))
    await Promise.all(folders.map((folder) => mkdir(folder)))
    await warmMemory(lab.path(), memoryFor(file, swarmCase))
    const seederCpuBefore = await cpuTimeOf(seeder.pid)
    const startedAt = Date.now()
    const leechers = await Promise.all(folders.map((folder, i) => startPeer(setting, swarmCase, 3 + i, folder)))
    const outputs = folders.map((folder) => join(folder, basename(file.path)))
    const doneAt = await Promise.all(outputs.map((output, i) => whenDone(output, leechers[i] as Program)))
    const cpu = await sumOf([seeder, ...leechers].map(({ pid }) => async () => cpuTimeOf(pid)))()
    await Promise.all(leechers.map((leecher) => leecher.stop()))
    for (const output of outputs) {
      if ((await digestOf(output)) !== file.sha256) throw new Error(`${output} is not what was seeded`)
    }
    const fromSeeder = await uploadedBy(seeder)
    return {
      last: (Math.max(...doneAt) - startedAt) / 1000,
      cpu: cpu - seederCpuBefore,
      fromPeers: 1 - fromSeeder / (swarmCase.peers * file.length),
    }
  } finally {
    await tracker.stop()
  }
}

/**
 * @param host the last byte of an address of its own: for aria2 all peers at one address are bad once one of them has
 *   failed
 */
async function startPeer(
  { lab, programs }: SwarmSetting,
  { uploadRate, encrypted }: SwarmCase,
  host: number,
  folder: string,
  more: readonly string[] = [],
): Promise<Program> {
  return lab.program(`aria2c ${host}`, pathOf(programs, 'aria2c'), [
    '--no-conf',
    '--enable-dht=false',
    '--bt-enable-lpd=false',
    '--disable-ipv6=true',
    `--interface=127.0.0.${host}`,
    `--listen-port=${await freePort()}`,
    '--bt-tracker-interval=1',
    '--seed-ratio=0.0',
    '--file-allocation=none',
    `--max-overall-upload-limit=${uploadRate}`,
    ...(encrypted ? ['--bt-require-crypto=true', '--bt-min-crypto-level=arc4'] : []),
    '--show-console-readout=false',
    '--summary-interval=0',
    `--on-bt-download-complete=${lab.path('when-done')}`,
    `--dir=${folder}`,
    ...more,
    lab.path('torrent'),
  ])
}

/** When the output was whole; milliseconds since 1970. @throws Error when the program ends before, or after ten minutes */
async function whenDone(output: string, program: Program): Promise<number> {
  for (const limit = Date.now() + TIME_LIMIT; Date.now() < limit; ) {
    const text = await readFile(`${output}.done`, 'utf8').catch(() => '')
    if (text.endsWith('\n')) return Number(BigInt(text.trim()) / 1_000_000n)
    if (!program.isRunning) break
    // Nothing that could be waited for announces the end.
    await sleep(LOOK_EVERY)
  }
  throw new Error(`${program.name} did not download the file: ${(await program.stop()).stdout}`)
}

/** Bytes that it sent, to the MiB; it tells when it ends. */
async function uploadedBy(seeder: Program): Promise<number> {
  const { stdout } = await seeder.stop()
  const [, amount, unit] = /uploaded\/downloaded=([\d.]+)(GiB|MiB)/.exec(stdout) ?? []
  if (amount === undefined) throw new Error(`${seeder.name} does not tell what it sent: ${stdout}`)
  return Number(amount) * 1024 ** (unit === 'GiB' ? 3 : 2)
}

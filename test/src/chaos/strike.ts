import { execFile } from 'node:child_process'
import { readdir, rm, statfs } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'
import { setClock } from './clock-step.ts'
import type { FaultKind } from './faults.ts'
import { isOriginMood } from './origin-moods.ts'
import type { HostName, PlannedFault } from './plan.ts'
import { damage, falsify, storedFiles } from '../stored-files.ts'
import { clockFile, hostOf, LINE_RATE, victimOf, type World } from './world.ts'

const run = promisify(execFile)

const SLOW_RATE = 4_000_000
/** Share of packets, by the fault's own draw. */
const MOST_LOSS = 0.08
/** Hours, ahead and behind. */
const CLOCK_STEPS = [1, -1, 30, -30, 24 * 400, -24 * 400]
/** What a peer still sends that holds back its pieces: shakes of hands and messages; bytes of a packet. */
const LARGEST_MESSAGE = 1000
/** Left on a disk that is full; bytes. */
const LEFT_BYTES = 200_000

/** What faults need to know of the downloads of a run. */
export interface Downloads {
  /** The contents that a peer has in full, by the ids of their tasks. */
  readonly finishedAt: (peer: HostName) => ReadonlySet<string>
  /** Ends what goes on at a peer with SIGKILL. @returns whether anything did */
  readonly kill: (peer: HostName) => boolean
  /** Gives one that is wanted now another version. @returns whether there is any */
  readonly change: (draw: number) => Promise<boolean>
}

/** Ends a fault. */
type Heal = () => Promise<void>

const nothing: Heal = async () => undefined

/** Lets a fault begin. @returns what ends it; undefined if there is nothing that it could happen to */
export async function strike(world: World, fault: PlannedFault, downloads: Downloads): Promise<Heal | undefined> {
  const { kind, host } = fault
  if (isOriginMood(kind)) return setMood(world, kind)
  switch (kind) {
    case 'kill':
    case 'restart':
      return stopForAWhile(world, fault)
    case 'kill-and-cut-off':
      return startCutOff(world, fault)
    case 'damaged-store':
      return damageStore(world, fault)
    case 'kill-dfget':
      return downloads.kill(host) ? nothing : undefined
    case 'new-version':
      return (await downloads.change(fault.draw)) ? nothing : undefined
    case 'freeze':
      return freeze(world, fault)
    case 'silence':
      await world.network.holdBack(hostOf(world, host), LARGEST_MESSAGE, world.supernode.host)
      return async () => world.network.holdBack(hostOf(world, host), undefined, world.supernode.host)
    case 'cut-off':
      await world.network.cutOff(hostOf(world, host))
      return async () => world.network.join(hostOf(world, host))
    case 'loss':
      await world.network.setLoss(hostOf(world, host), 0.005 + fault.draw * MOST_LOSS)
      return async () => world.network.setLoss(hostOf(world, host), 0)
    case 'slow-line':
      await world.network.setRate(hostOf(world, host), SLOW_RATE)
      return async () => world.network.setRate(hostOf(world, host), LINE_RATE)
    case 'full-disk':
    case 'full-supernode':
      return fillDisk(world, fault)
    case 'damage':
    case 'lie':
    case 'lost-file':
      return spoilFile(world, { ...fault, kind }, downloads)
    case 'clock-step':
      return stepClock(world, fault)
  }
}

async function setMood({ origin }: World, mood: Parameters<typeof origin.setMood>[0]): Promise<Heal> {
  await origin.setMood(mood)
  return async () => origin.setMood('well')
}

async function stopForAWhile(world: World, { kind, host }: PlannedFault): Promise<Heal> {
  const victim = victimOf(world, host)
  if (kind === 'kill') await victim.kill()
  else await victim.stop()
  return async () => victim.start()
}

async function startCutOff(world: World, { host }: PlannedFault): Promise<Heal> {
  const victim = victimOf(world, host)
  await victim.kill()
  await world.network.cutOff(hostOf(world, host))
  const started = victim.start()
  started.catch(() => undefined)
  return async () => {
    await world.network.join(hostOf(world, host))
    await started
  }
}

async function damageStore(world: World, { host, draw }: PlannedFault): Promise<Heal> {
  const victim = victimOf(world, host)
  await victim.kill()
  for (const path of await indexFiles(victim.dataDir)) await damage(path, draw)
  return async () => victim.start()
}

async function freeze(world: World, { host }: PlannedFault): Promise<Heal> {
  const send = async (signal: NodeJS.Signals): Promise<void> => {
    if (host === 'origin') world.origin.program.kill(signal)
    else await victimOf(world, host).signal(signal)
  }
  await send('SIGSTOP')
  return async () => send('SIGCONT')
}

async function fillDisk(world: World, { host }: PlannedFault): Promise<Heal | undefined> {
  if (host === 'supernode' && !world.hasSupernodeDisk) return undefined
  const { dataDir } = victimOf(world, host)
  const filler = join(dataDir, 'filler')
  // Downloads go on meanwhile, so that what was free a moment ago may not be.
  for (let isFull = false; !isFull; ) {
    const { bavail, bsize } = await statfs(dataDir)
    const bytes = bavail * bsize - LEFT_BYTES
    isFull = bytes <= 0 || (await run('fallocate', ['-l', String(bytes), filler]).then(() => true, () => false))
  }
  return async () => rm(filler, { force: true })
}

const SPOIL: Readonly<Record<Extract<FaultKind, 'damage' | 'lie' | 'lost-file'>, (path: string, draw: number) => Promise<void>>> = {
  damage,
  lie: falsify,
  'lost-file': async (path) => rm(path),
}

async function spoilFile(world: World, { kind, host, draw }: PlannedFault & { readonly kind: keyof typeof SPOIL }, downloads: Downloads): Promise<Heal | undefined> {
  // What is being downloaded cannot be told from what the program itself writes; the supernode's contents are checked by peers.
  const tasks = host === 'supernode' ? undefined : downloads.finishedAt(host)
  const files = await storedFiles(victimOf(world, host).dataDir, tasks)
  const path = files[Math.floor(draw * files.length)]
  if (path === undefined) return undefined
  // It may be deleted in the same moment.
  const done = await SPOIL[kind](path, draw).then(
    () => true,
    () => false,
  )
  return done ? nothing : undefined
}

async function stepClock({ lab, hasClocks }: World, { host, draw }: PlannedFault): Promise<Heal | undefined> {
  if (!hasClocks) return undefined
  await setClock(clockFile(lab, host), 3600 * (CLOCK_STEPS[Math.floor(draw * CLOCK_STEPS.length)] ?? 1))
  return async () => setClock(clockFile(lab, host), 0)
}

/** Those of the index of each store below a program's data. */
async function indexFiles(dataDir: string): Promise<readonly string[]> {
  const entries = await readdir(dataDir, { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile() && basename(entry.parentPath) === 'index' && entry.name !== 'LOCK').map(({ parentPath, name }) => join(parentPath, name))
}

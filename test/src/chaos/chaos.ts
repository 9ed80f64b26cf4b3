import { createHash } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { generatedContent } from '@damselfly/cdn/testing'
import { messageOf } from '@damselfly/shared'
import type { Lab } from '../lab.ts'
import { ContentHistory } from './content-history.ts'
import type { DownloadLog, FaultLog } from './download-log.ts'
import { FAULTS, type FaultKind } from './faults.ts'
import { becomeHealthy, type FreshContent, type Health } from './health.ts'
import { holdingsOf, leftoversOf, type HoldingsByName } from './leftovers.ts'
import { MachineShare } from './machine-share.ts'
import { askedBytes, FINISHED_WITHIN, violationsOf } from './model.ts'
import { planOf, type HostName, type PlannedDownload, type PlannedFault } from './plan.ts'
import { strike, type Downloads } from './strike.ts'
import { WantedDownload } from './wanted-download.ts'
import { createWorld, type World } from './world.ts'

export interface ChaosInit {
  readonly seed: number
  /** How long things go wrong. */
  readonly seconds: number
  readonly peers: number
  /** @default all */
  readonly kinds?: readonly FaultKind[]
  /** A line for whoever watches. */
  readonly say: (line: string) => void
}

export interface ChaosResult {
  /** What was broken that has to hold; empty: nothing. */
  readonly violations: readonly string[]
  readonly faults: readonly FaultLog[]
  readonly downloads: readonly DownloadLog[]
  /** In relation to all contents that were asked for. */
  readonly originBytes: number
  /** Undefined: it was not in time. */
  readonly health: Health | undefined
  /** Share of the processor time that the programs wanted and got. */
  readonly machineShare: number
  readonly holdings: HoldingsByName
  /** What the programs said on standard error, by their names. */
  readonly said: ReadonlyMap<HostName, string>
}

/** Of the content that all peers download at the end; bytes. */
const FRESH_SIZE = 8 * 1024 * 1024

const FRESH_SEED = 1_000_000
/** Of a fault, after the time that it was to have been over; seconds. */
const MOST_DELAY = 3

function pathOf(content: number): string {
  return `/content-${content}`
}

/** Of the bytes of a version. */
function seedOf(content: number, version: number): number {
  return content + 1 + version * 100_000
}

/** Lets everything go wrong that can for a while, and judges what came of it. */
export async function runChaos(lab: Lab, init: ChaosInit): Promise<ChaosResult> {
  const world = await createWorld(lab, init.peers, init.seconds)
  return new Chaos(world, init).run()
}

class Chaos {
  readonly #world: World
  readonly #init: ChaosInit
  #started: number = performance.now()
  readonly #faults: FaultLog[] = []
  readonly #downloads: WantedDownload[] = []
  /** By their numbers. */
  readonly #contents = new Map<number, ContentHistory>()
  readonly #machine: MachineShare
  /** The last fault of each host: one has to be over before the next begins. */
  readonly #turns = new Map<HostName, Promise<void>>()
  /** What goes on beside everything else, until `#ending`. */
  readonly #work: Promise<void>[] = []
  readonly #ending = new AbortController()

  constructor(world: World, init: ChaosInit) {
    this.#world = world
    this.#init = init
    this.#machine = new MachineShare(() => this.#pids(), () => this.#now())
  }

  async run(): Promise<ChaosResult> {
    const interrupt = (): void => this.#ending.abort(new Error('interrupted'))
    process.once('SIGINT', interrupt).once('SIGTERM', interrupt)
    try {
      return await this.#run()
    } finally {
      this.#ending.abort()
      await Promise.allSettled(this.#work)
      process.off('SIGINT', interrupt).off('SIGTERM', interrupt)
    }
  }

  async #run(): Promise<ChaosResult> {
    const plan = planOf(this.#init)
    await this.#prepare(plan.downloads)
    this.#started = performance.now()
    const before = await holdingsOf(this.#world)
    this.#work.push(this.#machine.watch(this.#ending.signal))
    const downloading = plan.downloads.map(async (planned) => this.#download(planned))
    const violations: string[] = []
    const goingWrong = plan.faults.map(async (fault) => this.#goWrong(fault).catch((error: unknown) => {
      if (this.#ending.signal.aborted) throw error
      // A program that does not start again breaks more than this one fault.
      violations.push(`${fault.host} did not get over ${fault.kind}: ${messageOf(error)}`)
    }))
    this.#work.push(...downloading, ...goingWrong)
    const downloaded = Promise.all(downloading)
    downloaded.catch((error: unknown) => this.#ending.abort(error))
    await Promise.all([...goingWrong, this.#until(this.#init.seconds)])
    const healedAt = this.#now()
    this.#say('all faults are over')
    const health = await becomeHealthy(this.#world, await this.#freshContent(), this.#machine).catch((error: Error) => void violations.push(error.message))
    void this.#machine.timeout(FINISHED_WITHIN + 5, this.#ending.signal).then(() => this.#ending.abort())
    await downloaded
    const faults = [...this.#faults, ...this.#machine.spells()]
    const downloads = this.#downloads.map(({ log }) => log)
    const originBytes = (await this.#world.origin.sentBytes()) - FRESH_SIZE
    const holdings = await holdingsOf(this.#world)
    violations.push(...violationsOf({ faults, downloads, healedAt, originBytes, given: (from, until) => this.#machine.given(from, until) }))
    violations.push(...(await leftoversOf(this.#world, before, holdings, downloads)))
    return {
      violations,
      faults,
      downloads,
      originBytes: originBytes / askedBytes({ downloads, faults }),
      health: health ?? undefined,
      machineShare: this.#machine.given(0, healedAt) / healedAt,
      holdings,
      said: this.#allSaid(),
    }
  }

  async #prepare(downloads: readonly PlannedDownload[]): Promise<void> {
    const sizes = new Map(downloads.map(({ content, size }) => [content, size]))
    for (const [content, size] of sizes) {
      const history = new ContentHistory(await this.#world.origin.add(pathOf(content), size, seedOf(content, 0)), size)
      history.add(seedOf(content, 0), 0)
      this.#contents.set(content, history)
    }
  }

  async #freshContent(): Promise<FreshContent> {
    const url = await this.#world.origin.add('/fresh', FRESH_SIZE, FRESH_SEED)
    return { url, digest: createHash('sha256').update(generatedContent(FRESH_SIZE, FRESH_SEED)).digest('hex') }
  }

  async #download(planned: PlannedDownload): Promise<void> {
    await this.#until(planned.at)
    const content = this.#contents.get(planned.content)
    if (content === undefined) throw new Error(`there is no content ${planned.content}`)
    const download = new WantedDownload(this.#world, planned, content, () => this.#now())
    this.#downloads.push(download)
    await download.run(this.#ending.signal)
  }

  async #goWrong(fault: PlannedFault): Promise<void> {
    await this.#until(fault.from)
    const turn = (this.#turns.get(fault.host) ?? Promise.resolve()).then(async () => this.#takeTurn(fault))
    this.#turns.set(fault.host, turn.catch(() => undefined))
    await turn
  }

  /** On a busy machine the fault before may take longer than was planned; what comes much too late is left out. */
  async #takeTurn(fault: PlannedFault): Promise<void> {
    const from = this.#now()
    if (from > fault.until + MOST_DELAY) return
    const changed = { content: undefined as number | undefined }
    const heal = await strike(this.#world, fault, this.#downloadsFor(changed))
    if (heal === undefined) return
    this.#say(`${fault.host} ${FAULTS[fault.kind].says}`)
    const log = { kind: fault.kind, host: fault.host, from, ...(changed.content !== undefined && { content: changed.content }) }
    // It counts from its beginning, not from its end.
    const index = this.#faults.push({ ...log, until: Number.POSITIVE_INFINITY }) - 1
    await this.#until(fault.until)
    await heal()
    this.#faults[index] = { ...log, until: this.#now() }
  }

  #downloadsFor(changed: { content: number | undefined }): Downloads {
    return {
      finishedAt: (peer) => this.#finishedAt(peer),
      kill: (peer) => {
        const underWay = this.#downloads.filter((download) => download.peer === peer && download.isUnderWay)
        for (const download of underWay) download.kill()
        return underWay.length > 0
      },
      change: async (draw) => {
        changed.content = await this.#change(draw)
        return changed.content !== undefined
      },
    }
  }

  /** @returns which content has a new version now */
  async #change(draw: number): Promise<number | undefined> {
    const wanted = [...new Set(this.#downloads.filter(({ isUnderWay }) => isUnderWay).map(({ log }) => log.content))]
    const content = wanted[Math.floor(draw * wanted.length)]
    const history = content === undefined ? undefined : this.#contents.get(content)
    if (content === undefined || history === undefined) return undefined
    const seed = seedOf(content, history.versions)
    history.add(seed, this.#now())
    await this.#world.origin.add(pathOf(content), history.size, seed)
    return content
  }

  #pids(): readonly number[] {
    const victims = [this.#world.supernode, ...this.#world.peers.values()]
    return victims.flatMap((victim) => victim.runningNow?.program.pid ?? [])
  }

  #finishedAt(peer: HostName): ReadonlySet<string> {
    return new Set(this.#downloads.flatMap((download) => (download.peer === peer ? (download.finishedTask ?? []) : [])))
  }

  #allSaid(): ReadonlyMap<HostName, string> {
    const victims = [this.#world.supernode, ...this.#world.peers.values()]
    return new Map(victims.map(({ name, said, runningNow }) => [name, [...said, runningNow?.program.stderr ?? ''].join('\n')]))
  }

  /** Seconds since the start. */
  #now(): number {
    return (performance.now() - this.#started) / 1000
  }

  async #until(seconds: number): Promise<void> {
    await wait(Math.max(0, (seconds - this.#now()) * 1000), undefined, { signal: this.#ending.signal })
  }

  #say(what: string): void {
    this.#init.say(`${this.#now().toFixed(1).padStart(7)} s  ${what}`)
  }
}

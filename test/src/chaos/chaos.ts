import { createHash } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { generatedContent } from '@damselfly/cdn/testing'
import type { Lab } from '../lab.ts'
import type { DownloadLog, FaultLog } from './download-log.ts'
import { FAULTS, type FaultKind } from './faults.ts'
import { becomeHealthy } from './health.ts'
import { holdingsOf, leftoversOf, type HoldingsByName } from './leftovers.ts'
import { askedBytes, FINISHED_WITHIN, violationsOf } from './model.ts'
import { planOf, type HostName, type PlannedDownload, type PlannedFault } from './plan.ts'
import { strike } from './strike.ts'
import { WantedDownload, type Content } from './wanted-download.ts'
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
  /** Seconds from the last fault until all was well. */
  readonly healthyAfter: number | undefined
  readonly holdings: HoldingsByName
  /** What the programs said on standard error, by their names. */
  readonly said: ReadonlyMap<HostName, string>
}

/** Of the content that all peers download at the end; bytes. */
const FRESH_SIZE = 8 * 1024 * 1024

/** Lets everything go wrong that can for a while, and judges what came of it. */
export async function runChaos(lab: Lab, init: ChaosInit): Promise<ChaosResult> {
  const world = await createWorld(lab, init.peers)
  return new Chaos(world, init).run()
}

class Chaos {
  readonly #world: World
  readonly #init: ChaosInit
  readonly #started: number = performance.now()
  readonly #faults: FaultLog[] = []
  readonly #downloads: WantedDownload[] = []
  /** What goes on beside everything else, until `#ending`. */
  readonly #work: Promise<void>[] = []
  readonly #ending = new AbortController()

  constructor(world: World, init: ChaosInit) {
    this.#world = world
    this.#init = init
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
    const contents = await this.#prepare(plan.downloads)
    const before = await holdingsOf(this.#world)
    const downloading = plan.downloads.map(async (planned) => this.#download(planned, contents))
    const goingWrong = plan.faults.map(async (fault) => this.#goWrong(fault))
    this.#work.push(...downloading, ...goingWrong)
    const downloaded = Promise.all(downloading)
    downloaded.catch((error: unknown) => this.#ending.abort(error))
    await Promise.all([...goingWrong, this.#until(this.#init.seconds)])
    const healedAt = this.#now()
    this.#say('all faults are over')
    const violations: string[] = []
    const healthyAfter = await becomeHealthy(this.#world, await this.#content('/fresh', FRESH_SIZE, 1_000_000)).catch((error: Error) => {
      violations.push(error.message)
      return undefined
    })
    const givingUp = setTimeout(() => this.#ending.abort(), FINISHED_WITHIN * 1000 + 5000)
    await downloaded
    clearTimeout(givingUp)
    const downloads = this.#downloads.map(({ log }) => log)
    const originBytes = (await this.#world.origin.sentBytes()) - FRESH_SIZE
    const holdings = await holdingsOf(this.#world)
    violations.push(...violationsOf({ faults: this.#faults, downloads, healedAt, originBytes }))
    violations.push(...(await leftoversOf(this.#world, before, holdings, downloads)))
    return {
      violations,
      faults: this.#faults,
      downloads,
      originBytes: originBytes / askedBytes(downloads),
      healthyAfter,
      holdings,
      said: await this.#allSaid(),
    }
  }

  async #prepare(downloads: readonly PlannedDownload[]): Promise<ReadonlyMap<number, Content>> {
    const sizes = new Map(downloads.map(({ content, size }) => [content, size]))
    const contents = new Map<number, Content>()
    for (const [content, size] of sizes) contents.set(content, await this.#content(`/content-${content}`, size, content + 1))
    return contents
  }

  async #content(path: string, size: number, seed: number): Promise<Content> {
    const url = await this.#world.origin.add(path, size, seed)
    return { url, digest: createHash('sha256').update(generatedContent(size, seed)).digest('hex') }
  }

  async #download(planned: PlannedDownload, contents: ReadonlyMap<number, Content>): Promise<void> {
    await this.#until(planned.at)
    const content = contents.get(planned.content)
    if (content === undefined) throw new Error(`there is no content ${planned.content}`)
    const download = new WantedDownload(this.#world, planned, content, () => this.#now())
    this.#downloads.push(download)
    await download.run(this.#ending.signal)
  }

  async #goWrong(fault: PlannedFault): Promise<void> {
    await this.#until(fault.from)
    const from = this.#now()
    const heal = await strike(this.#world, fault, (peer) => this.#finishedAt(peer))
    if (heal === undefined) return
    this.#say(`${fault.host} ${FAULTS[fault.kind].says}`)
    // It counts from its beginning, not from its end.
    const index = this.#faults.push({ kind: fault.kind, host: fault.host, from, until: Number.POSITIVE_INFINITY }) - 1
    await this.#until(fault.until)
    await heal()
    this.#faults[index] = { kind: fault.kind, host: fault.host, from, until: this.#now() }
  }

  #finishedAt(peer: HostName): ReadonlySet<string> {
    return new Set(this.#downloads.flatMap((download) => (download.peer === peer ? (download.finishedTask ?? []) : [])))
  }

  async #allSaid(): Promise<ReadonlyMap<HostName, string>> {
    const victims = [this.#world.supernode, ...this.#world.peers.values()]
    const texts = victims.map(async ({ name, said, running }) => [name, [...said, (await running)?.program.stderr ?? ''].join('\n')] as const)
    return new Map(await Promise.all(texts))
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

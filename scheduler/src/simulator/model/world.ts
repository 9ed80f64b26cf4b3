import type { PeerId, TaskId } from '@damselfly/shared'
import type { RandomSource, Scheduler, SchedulerCommand, SchedulerEvent } from '../../contract.ts'
import { Agenda } from '../agenda.ts'
import type { Observer } from '../measure/observer.ts'
import { FluidNetwork } from '../network/fluid-network.ts'
import type { Link } from '../network/link.ts'
import { cdnOf, contentsOf, perMillisecond, type PeerPlan } from '../scenario/population.ts'
import type { Scenario } from '../scenario/schema.ts'
import { Cdn } from './cdn.ts'
import type { Content } from './content.ts'
import { Download } from './download.ts'
import { Host, type HostOptions } from './host.ts'
import { LanePool } from './lane-pool.ts'
import { Origin } from './origin.ts'
import { OwnWay } from './own-way.ts'
import { Peer } from './peer.ts'
import { Routes } from './routes.ts'
import { Supernode } from './supernode.ts'
import { Uploads } from './uploads.ts'

export interface WorldOptions {
  readonly scenario: Scenario
  readonly scheduler: Scheduler
  readonly random: RandomSource
  readonly observer: Observer
}

/** Everything that there is in a simulation, wired up. */
export class World {
  readonly agenda: Agenda = new Agenda()
  readonly contents: readonly Content[]
  readonly cdnHost: Host
  readonly origin: Origin
  readonly routes: Routes
  readonly supernode: Supernode
  readonly peers: Map<PeerId, Peer> = new Map()
  readonly #options: WorldOptions
  readonly #network: FluidNetwork
  readonly #uploads = new Map<PeerId, Uploads>()
  readonly #cdn: Cdn
  readonly #known = new Set<TaskId>()
  #unfinished = 0

  constructor(options: WorldOptions) {
    const { scenario, scheduler } = options
    this.#options = options
    this.#network = new FluidNetwork({ tolerance: scenario.network.tolerance })
    this.contents = contentsOf(scenario)
    this.routes = createRoutes(scenario)
    this.origin = new Origin(perMillisecond(scenario.origin.rate), this.#network)
    this.supernode = new Supernode({ scheduler, agenda: this.agenda, send: (to, command) => this.#send(to, command) })
    this.cdnHost = this.#addHost(cdnOf(scenario)).host
    this.#cdn = new Cdn({
      host: this.cdnHost,
      origin: this.origin,
      agenda: this.agenda,
      originLatencyMs: scenario.origin.latency,
      isWarm: scenario.cdn.warm,
      report: (event) => this.supernode.handle(event),
    })
    const { id: peer, capacity } = this.cdnHost
    this.supernode.handle({ type: 'peer-joined', peer, capacity })
  }

  /** Lets these peers come, each at its time. */
  populate(plans: readonly PeerPlan[]): void {
    for (const plan of plans) {
      this.#unfinished++
      this.agenda.after(plan.arrivesAt, () => this.#arrive(plan))
    }
  }

  /** Lets time pass until every peer that is still there has everything, or until `latest`; milliseconds. */
  run(latest: number): void {
    while (this.#unfinished > 0) {
      const next = Math.min(this.agenda.next, this.#network.nextEnd())
      if (next > latest || next === Infinity) return
      this.#options.observer.timePasses(next)
      this.agenda.advance(next)
      this.#network.advance(next)
      this.agenda.runDue()
    }
  }

  #arrive(plan: PeerPlan): void {
    const { scenario, random } = this.#options
    const uploads = this.#addHost(plan.host)
    const { host } = uploads
    const lanes = new LanePool(host, { agenda: this.agenda, routes: this.routes, setupRoundTrips: scenario.network.laneSetup })
    const peer = new Peer({
      agenda: this.agenda,
      plan,
      host,
      uploads,
      lanes,
      latencyMs: scenario.control.latency,
      batchMs: scenario.control.batch,
      toSupernode: (events) => this.#toSupernode(events),
      parent: (id) => this.#uploads.get(id),
      setRate: (upload, download) => {
        this.#limit(host.uplink, plan.host.upload, upload)
        this.#limit(host.downlink, plan.host.download, download)
      },
    })
    this.peers.set(host.id, peer)
    const holdings = drawHoldings(this.contents, plan.holds, random)
    peer.connect(holdings)
    if (plan.downloads) for (const content of this.contents) this.#download(peer, lanes, content, holdings.get(content) ?? [])
    if (peer.isDone) this.#finished(peer)
  }

  #download(peer: Peer, lanes: LanePool, content: Content, held: readonly number[]): void {
    const { scenario, observer } = this.#options
    const download = new Download({
      host: peer.host,
      content,
      lanes,
      window: scenario.children.window,
      report: (...events) => peer.report(...events),
      createOwnWay: (of) => new OwnWay(this.origin, this.#network, of),
      listener: {
        received: (bytes, quality) => observer.received(bytes, quality),
        gained: (of, piece) => {
          observer.gained(of, piece)
          this.#dieInTime(peer)
        },
        idled: (ms) => observer.idled(ms),
        completed: (of) => {
          observer.completed(of)
          if (peer.isDone) this.#finished(peer)
        },
      },
      now: () => this.agenda.now,
    })
    download.hold(held)
    if (!download.isComplete) peer.register(download, scenario.children.window)
  }

  #dieInTime(peer: Peer): void {
    const { diesAt, freezes } = peer.plan
    if (diesAt === undefined || peer.host.state !== 'up') return
    let held = 0
    let wanted = 0
    for (const { heldCount, content } of peer.downloads.values()) {
      held += heldCount
      wanted += content.pieces
    }
    if (held === 0 || held < diesAt * wanted) return
    this.#depart(peer, freezes ? 'frozen' : 'gone')
    this.#unfinished--
  }

  #finished(peer: Peer): void {
    this.#unfinished--
    const { leavesAfter } = peer.plan
    if (leavesAfter !== undefined) this.agenda.after(leavesAfter, () => this.#depart(peer, 'gone'))
  }

  #depart(peer: Peer, state: 'frozen' | 'gone'): void {
    peer.end(state)
    this.#options.observer.departed(peer)
  }

  #addHost(options: HostOptions): Uploads {
    const { random, scenario } = this.#options
    const uploads = new Uploads(new Host(options), {
      agenda: this.agenda,
      network: this.#network,
      random,
      stallMs: scenario.children.stall,
    })
    this.#uploads.set(uploads.host.id, uploads)
    return uploads
  }

  /** @param own what the host can do, bytes per millisecond @param told bytes per second, 0: all that it can */
  #limit(link: Link, own: number, told: number): void {
    if (link.capacity < Infinity) this.#network.setCapacity(link, Math.min(own, perMillisecond(told)))
  }

  #send(to: PeerId, command: SchedulerCommand): void {
    const peer = this.peers.get(to)
    if (peer === undefined) return
    if (command.type === 'back-to-source') this.#options.observer.sentToSource()
    peer.obey(command)
  }

  #toSupernode(events: readonly SchedulerEvent[]): void {
    for (const event of events) if (event.type === 'child-joined' || event.type === 'pieces-available') this.#introduce(event.task)
    this.supernode.handle(...events)
  }

  /** The first that is heard of a task. */
  #introduce(task: TaskId): void {
    if (this.#known.has(task)) return
    this.#known.add(task)
    const content = this.contents.find((one) => one.task === task) as Content
    this.supernode.handle({ type: 'task-registered', task, pieceCount: content.pieces, pieceSize: content.pieceSize })
    this.#cdn.obtain(content)
  }
}

function createRoutes({ network: { latency, laneRate, lines } }: Scenario): Routes {
  return new Routes({
    latencyMs: latency,
    laneLimit: perMillisecond(laneRate),
    lines: Object.entries(lines).map(([name, { between, rate, latency: latencyMs }]) => {
      return { name, between, rate: perMillisecond(rate), latencyMs }
    }),
  })
}

/** Which pieces a peer has from the start. */
function drawHoldings(contents: readonly Content[], share: number, random: RandomSource): ReadonlyMap<Content, readonly number[]> {
  if (share === 0) return new Map()
  return new Map(
    contents.map((content) => {
      const pieces = Array.from({ length: content.pieces }, (_, piece) => piece)
      return [content, share === 1 ? pieces : pieces.filter(() => random() < share)]
    }),
  )
}

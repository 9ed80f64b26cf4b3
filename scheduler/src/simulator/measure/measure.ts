import { bytesOf, type Content } from '../model/content.ts'
import type { Download } from '../model/download.ts'
import type { Host } from '../model/host.ts'
import type { Peer } from '../model/peer.ts'
import type { World } from '../model/world.ts'
import { cdnOf, perMillisecond } from '../scenario/population.ts'
import type { Scenario } from '../scenario/schema.ts'
import { discreteBound, fluidBound, presenceBound, type Senders } from './bounds.ts'
import type { Figures } from './figures.ts'
import { jainIndex, quantile } from './quantile.ts'
import type { Recorder } from './recorder.ts'

/** The least times that a scenario allows; milliseconds. */
export interface Bounds {
  /** Until the source can have sent everything once. */
  readonly first: number
  readonly fluid: number
  /** Undefined where not all send equally fast. */
  readonly discrete: number | undefined
}

/** As if all peers were there from the start on and stayed, and all contents were one. */
export function boundsOf(scenario: Scenario, contents: readonly Content[]): Bounds {
  const bytes = contents.reduce((sum, content) => sum + bytesOf(content), 0)
  const pieces = contents.reduce((sum, content) => sum + content.pieces, 0)
  return boundsFor(scenario, bytes, pieces)
}

function boundsFor(scenario: Scenario, bytes: number, pieces: number): Bounds {
  const classes = Object.values(scenario.peers)
  const { upload: cdnUpload, download: cdnDownload } = cdnOf(scenario)
  const fetchRate = scenario.cdn.warm ? Infinity : Math.min(perMillisecond(scenario.origin.rate), cdnDownload)
  const uploads = classes.flatMap(({ count, upload, uploadSlots }) => {
    return Array.from({ length: count }, () => (uploadSlots === 0 ? 0 : perMillisecond(upload)))
  })
  const downloads = classes.flatMap(({ count, download, downloads: wants }) => {
    return wants ? Array.from({ length: count }, () => perMillisecond(download)) : []
  })
  const senders: Senders = { source: cdnUpload, peers: uploads }
  const isSeeded = classes.some(({ holds }) => holds > 0)
  // What peers have from the start need not come from the source: all are one source then.
  const first = isSeeded ? 0 : bytes / Math.min(fetchRate, cdnUpload, thinnestWay(scenario))
  const fluid = Math.max(first, fluidBound(bytes, isSeeded ? asOneSource(senders) : senders, downloads))
  return { first, fluid, discrete: isSeeded || thinnestWay(scenario) < Infinity ? undefined : discreteBound(bytes, pieces, senders) }
}

function asOneSource({ source, peers }: Senders): Senders {
  return { source: peers.reduce((sum, upload) => sum + upload, source), peers: [] }
}

/** What reaches the worst connected location from all others together; bytes per millisecond. */
function thinnestWay({ cdn, peers, network }: Scenario): number {
  const locations = new Set([cdn.at, ...Object.values(peers).flatMap(({ at }) => at)].map(locationOf))
  const home = locationOf(cdn.at)
  let thinnest = Infinity
  for (const location of locations) {
    if (location === home) continue
    const lines = Object.values(network.lines).filter(({ between }) => between.includes(location))
    // From a location without a line to this one nothing but the hosts limits.
    if (lines.length < locations.size - 1) continue
    thinnest = Math.min(thinnest, lines.reduce((sum, { rate }) => sum + perMillisecond(rate), 0))
  }
  return thinnest
}

function locationOf(at: string): string {
  return at.split('/')[0] as string
}

/** What a run showed, in numbers. */
export function measure(scenario: Scenario, world: World, recorder: Recorder): Figures {
  const { contents, origin, cdnHost, supernode, routes } = world
  const { finished, rightBytes, wrongBytes, heldBytes } = recorder
  const bytes = contents.reduce((sum, content) => sum + bytesOf(content), 0)
  const received = rightBytes + wrongBytes + heldBytes
  const last = finished.reduce((latest, { completedAt = 0 }) => Math.max(latest, completedAt), 0)
  const took = finished.map(({ completedAt = 0, joinedAt }) => completedAt - joinedAt).toSorted((a, b) => a - b)
  const { fluid, discrete, first } = boundsOf(scenario, contents)
  const present = Math.max(first, presentBound(world, received))
  return {
    last: last / 1000,
    p50: quantile(took, 0.5) / 1000,
    p99: quantile(took, 0.99) / 1000,
    slowest: quantile(took, 1) / 1000,
    fluidBound: fluid / 1000,
    lastOverFluid: last / fluid,
    ...(discrete === undefined ? {} : { discreteBound: discrete / 1000, lastOverDiscrete: last / discrete }),
    presentBound: present / 1000,
    lastOverPresent: last / present,
    origin: origin.sent / bytes,
    cdn: cdnHost.sent / bytes,
    duplicates: (100 * heldBytes) / received,
    wrong: (100 * wrongBytes) / received,
    ...uploadFigures(world, last),
    ...(routes.crossings.length === 0 ? {} : { crossings: Math.max(...routes.crossings.map(({ carried }) => carried)) / bytes }),
    ...(contents.length === 1 ? {} : { taskFairness: jainIndex(slowdowns(scenario, contents, finished)) }),
    longestWait: Math.max(recorder.longestIdleMs, ...stillIdle(world)) / 1000,
    sentToSource: recorder.timesSentToSource,
    unfinished: unfinished(world).length,
    assignments: supernode.assignments,
  }
}

function uploadFigures({ peers }: World, until: number): Pick<Figures, 'uploadUse' | 'uploadSkew'> {
  let [sent, most, possible, senders] = [0, 0, 0, 0]
  for (const peer of peers.values()) {
    const { host, arrivedAt, endedAt = Infinity } = peer
    const upload = uploadOf(host)
    if (upload === 0) continue
    senders++
    sent += host.sent
    most = Math.max(most, host.sent)
    possible += upload * Math.max(0, Math.min(until, endedAt) - arrivedAt)
  }
  if (senders === 0) return {}
  return { uploadSkew: most / (sent / senders), ...(possible < Infinity ? { uploadUse: (100 * sent) / possible } : {}) }
}

/** Bytes per millisecond. */
function uploadOf({ uplink, capacity: { uploadSlots } }: Host): number {
  return uploadSlots === 0 ? 0 : uplink.capacity
}

/** How many times longer each task took than it would have alone. */
function slowdowns(scenario: Scenario, contents: readonly Content[], finished: readonly Download[]): number[] {
  const lasts = new Map(contents.map((content) => [content, 0]))
  for (const { content, completedAt = 0, joinedAt } of finished) {
    lasts.set(content, Math.max(lasts.get(content) ?? 0, completedAt - joinedAt))
  }
  return [...lasts].map(([content, took]) => {
    const { fluid, discrete } = boundsFor(scenario, bytesOf(content), content.pieces)
    return took / (discrete ?? fluid)
  })
}

/** The least time in which those that were there, while they were there, could have sent what was received; milliseconds. */
function presentBound({ peers, cdnHost }: World, received: number): number {
  const all = [...peers.values()]
  const together = presenceBound(
    received,
    cdnHost.uplink.capacity,
    all.map(({ host, arrivedAt, endedAt = Infinity }) => ({ from: arrivedAt, until: endedAt, upload: uploadOf(host) })),
  )
  const alone = all.map(({ arrivedAt, host, downloads, isDone, plan }) => {
    const wanted = [...downloads.values()].reduce((sum, { content }) => sum + bytesOf(content), 0)
    return isDone ? arrivedAt + (wanted * (1 - plan.holds)) / host.downlink.capacity : 0
  })
  return Math.max(together, ...alone)
}

function unfinished({ peers }: World): Peer[] {
  return [...peers.values()].filter((peer) => peer.host.state === 'up' && !peer.isDone)
}

function stillIdle(world: World): number[] {
  return unfinished(world).flatMap(({ downloads }) => [...downloads.values()].map((download) => download.idleTime()))
}

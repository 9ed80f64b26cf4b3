import { setTimeout as sleep } from 'node:timers/promises'
import { LARGE_STORE_TASK_LENGTH, writeLargeStore } from '@damselfly/exchange/testing/piece-store'
import type { Lab, Supernode } from '@damselfly/test'
import type { BenchContext } from '../bench.ts'
import { median } from '../figure.ts'
import { residentMemory } from '../process-memory.ts'

const TASKS = { default: 100_000, large: 1_000_000 } as const

/** Starts of each kind. */
const STARTS = 3

/** Asked for after each start, in every order. */
const PAGES = 5

const ORDERS = ['taskId', 'lastUsedAt', 'heldBytes', 'hits', 'bytesSaved'] as const

/** A stop may have to write the table. */
const STOP_PATIENCE_MS = 60_000

/** How often it is asked whether it lives, no more than a caller may; milliseconds. */
const BEAT_MS = 20

/** How often it is asked how far it has come with deleting; milliseconds. */
const LOOK_MS = 250

/** Into the list, as parts of it: at its beginning and deep in it. */
const DEPTHS = [0, 0.25, 0.5, 0.9] as const

/** How a supernode does that holds very many contents. */
export interface ManyTasks {
  readonly tasks: number
  /** From the start of the program until it is ready; seconds. */
  readonly starts: readonly number[]
  /** The same after it was killed. */
  readonly startsAfterKill: readonly number[]
  /** Until a page of a hundred has come, in the slowest order; milliseconds, one for each start. */
  readonly pages: readonly number[]
  /** That it has in memory more than one with nothing; bytes for each task. */
  readonly memory: readonly number[]
  /** While it deletes an eighth of its contents to make room. */
  readonly eviction: {
    readonly evictedTasks: number
    /** Until it was over. */
    readonly seconds: number
    /** The longest that the API took to say that it lives; milliseconds. */
    readonly longestSilence: number
  }
}

export async function manyTasks({ withLab, large, report }: BenchContext): Promise<ManyTasks> {
  return withLab(async (lab) => {
    const tasks = TASKS[large ? 'large' : 'default']
    await writeLargeStore(lab.path('many', 'pieces'), tasks)
    const empty = await lab.supernode('empty')
    const emptyMemory = await residentMemory(empty.program.pid)
    await empty.program.stop()
    const starts: number[] = []
    const startsAfterKill: number[] = []
    const pages: number[] = []
    const memory: number[] = []
    for (let start = 0; start < 2 * STARTS; start++) {
      const supernode = await startMany(lab, tasks)
      const isAfterKill = start % 2 === 1
      ;(isAfterKill ? startsAfterKill : starts).push((performance.now() - supernode.program.startedAt) / 1000)
      pages.push(await slowestPage(supernode, tasks))
      memory.push(((await residentMemory(supernode.program.pid)) - emptyMemory) / tasks)
      if (isAfterKill) await supernode.program.stop(STOP_PATIENCE_MS)
      else await kill(supernode)
    }
    report(`many     ${tasks} tasks: ${median(starts).toFixed(2)} s, after a kill ${median(startsAfterKill).toFixed(2)} s, pages ${median(pages).toFixed(0)} ms, ${median(memory).toFixed(0)} bytes each`)
    const eviction = await evict(await startMany(lab, tasks), tasks)
    const { evictedTasks, seconds, longestSilence: silence } = eviction
    report(`evict    ${evictedTasks} in ${seconds.toFixed(1)} s, silent for at most ${silence.toFixed(0)} ms`)
    return { tasks, starts, startsAfterKill, pages, memory, eviction }
  })
}

/** With a quota that is just reached. */
async function startMany(lab: Lab, tasks: number): Promise<Supernode> {
  return lab.supernode('many', { config: { store: { quota: tasks * LARGE_STORE_TASK_LENGTH } } })
}

/** @returns the median of its pages in the order in which they take longest; milliseconds */
async function slowestPage(supernode: Supernode, tasks: number): Promise<number> {
  const medians: number[] = []
  for (const order of ORDERS) {
    // Callers of their own, since one that asks for page after page has to wait.
    const { token } = await supernode.send<{ readonly token: string }>('POST', '/api/v1/tokens', { name: order, role: 'viewer' })
    const times: number[] = []
    // The first does not count: what has just started still compiles what it runs.
    for (let page = -1; page < PAGES; page++) {
      const after = afterPart(order, DEPTHS[Math.max(0, page) % DEPTHS.length] ?? 0, tasks)
      const startedAt = performance.now()
      const response = await fetch(`${supernode.url}/api/v1/tasks?sort=${order}${after}`, { headers: { authorization: `Bearer ${token}` } })
      const body = await response.json()
      if (!response.ok) throw new Error(`a page was answered with ${response.status}: ${JSON.stringify(body)}`)
      if (page >= 0) times.push(performance.now() - startedAt)
    }
    medians.push(median(times))
  }
  return Math.max(...medians)
}

/** What begins a page so deep in the list; nothing at its beginning. */
function afterPart(order: (typeof ORDERS)[number], depth: number, tasks: number): string {
  if (depth === 0) return ''
  const id = Math.floor(depth * 0x10000).toString(16).padStart(4, '0').padEnd(64, '0')
  if (order === 'taskId') return `&after=${id}`
  const values = { lastUsedAt: 1000 + Math.round(tasks * (1 - depth)), heldBytes: LARGE_STORE_TASK_LENGTH, hits: 0, bytesSaved: 0 }
  return `&after=${values[order]}.${id}`
}

async function kill({ program }: Supernode): Promise<void> {
  program.kill('SIGKILL')
  await program.exited
}

/** As much of what the API tells as is needed here. */
interface Collected {
  readonly evictedTasks: number
  readonly running: boolean
}

/** Makes room for so much that, with the tenth that is cleared besides, about an eighth has to go. */
async function evict(supernode: Supernode, tasks: number): Promise<ManyTasks['eviction']> {
  const wanted = Math.floor(tasks / 40) * LARGE_STORE_TASK_LENGTH
  const isOver = new AbortController()
  const silence = longestSilence(supernode, isOver.signal)
  const startedAt = performance.now()
  try {
    const { evictedTasks } = await whenCollected(supernode, await supernode.send<Collected>('POST', '/api/v1/gc', { bytes: wanted }))
    const seconds = (performance.now() - startedAt) / 1000
    isOver.abort()
    return { evictedTasks, seconds, longestSilence: await silence }
  } finally {
    isOver.abort()
    // Whatever went wrong before is what is to be told.
    await silence.catch(() => undefined)
  }
}

/** Of a collection for which the answer did not wait. */
async function whenCollected(supernode: Supernode, begun: Collected): Promise<Collected> {
  for (let collected: Collected | null = begun; ; ) {
    if (collected !== null && !collected.running) return collected
    await sleep(LOOK_MS)
    const { running, last } = await supernode.get<{ readonly running: Collected | null; readonly last: Collected | null }>('/api/v1/gc')
    collected = running ?? last
  }
}

async function longestSilence(supernode: Supernode, isOver: AbortSignal): Promise<number> {
  let longest = 0
  while (!isOver.aborted) {
    const askedAt = performance.now()
    const response = await fetch(`${supernode.url}/healthz`)
    await response.arrayBuffer()
    longest = Math.max(longest, performance.now() - askedAt)
    await sleep(BEAT_MS)
  }
  return longest
}

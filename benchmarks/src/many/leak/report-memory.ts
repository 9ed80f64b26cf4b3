// Loaded into a server before its program: on each SIGUSR2 it collects all garbage and prints what is left.
import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { isMainThread } from 'node:worker_threads'

/** What one collection frees may be what keeps something else, or be given back to the system only after a moment. */
const COLLECTIONS = 4
const PAUSE_MS = 100

/** As thoroughly as V8 can, so that what it keeps for later work is given back too. */
type Collect = (how: { readonly type: 'major'; readonly execution: 'sync'; readonly flavor: 'last-resort' }) => void

let sequence = 0

// Also the threads of the program load this, and would answer too.
if (isMainThread) {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as Collect
  process.on('SIGUSR2', () => void report(collect))
}

async function report(collect: Collect): Promise<void> {
  const number = sequence++
  for (let i = 0; i < COLLECTIONS; i++) {
    collect({ type: 'major', execution: 'sync', flavor: 'last-resort' })
    await sleep(PAUSE_MS)
  }
  const { rss: resident, heapUsed: heap, external } = process.memoryUsage()
  process.stdout.write(`${JSON.stringify({ memory: { number, resident, heap, external } })}\n`)
}

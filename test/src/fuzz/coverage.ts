import { Session, type Profiler } from 'node:inspector'
import { pathToFileURL } from 'node:url'

/** Which blocks of our own code have run, as V8 counts them itself: functions, branches, bodies of loops, what follows a return. */
export class Coverage {
  readonly #session = new Session()
  readonly #isOurs: (url: string) => boolean
  readonly #known = new Set<string>()

  /** @param root of the project */
  constructor(root: string) {
    const base = pathToFileURL(`${root}/`).href
    this.#isOurs = (url) => url.startsWith(base) && url.includes('/src/') && !/\/(?:node_modules|testing|gen|test)\//.test(url.slice(base.length - 1))
    this.#session.connect()
    this.#session.post('Profiler.enable')
    this.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true })
  }

  /** How many edges are known: blocks that were entered. */
  get edges(): number {
    return this.#known.size
  }

  /** Those that were entered since it was asked last, and are not known. */
  fresh(): readonly string[] {
    const fresh: string[] = []
    for (const { scriptId, url, functions } of this.#counted()) {
      if (!this.#isOurs(url)) continue
      for (const { ranges } of functions) {
        for (const { startOffset, endOffset, count } of ranges) {
          const edge = `${scriptId}:${startOffset}-${endOffset}`
          if (count > 0 && !this.#known.has(edge)) fresh.push(edge)
        }
      }
    }
    return fresh
  }

  know(edges: readonly string[]): void {
    for (const edge of edges) this.#known.add(edge)
  }

  close(): void {
    this.#session.disconnect()
  }

  /** In the same process the answer comes before `post` returns. */
  #counted(): readonly Profiler.ScriptCoverage[] {
    let found: readonly Profiler.ScriptCoverage[] = []
    this.#session.post('Profiler.takePreciseCoverage', (error, { result }) => {
      if (error !== null) throw error
      found = result
    })
    return found
  }
}

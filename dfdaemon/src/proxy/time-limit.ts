import { createContext, Script } from 'node:vm'

const script = new Script('work()')
const context = createContext({ work: undefined })

/** How often work may begin anew because others had the processor. */
const MOST_TRIES = 10

/**
 * Does work that cannot be interrupted otherwise, such as matching a regular expression. On a busy machine time passes without
 * anything being done: work that had less than half of its time begins anew, so it must be repeatable.
 *
 * @throws an error when it takes longer than `limitMs`; what `work` throws
 */
export function withinTime<T>(work: () => T, limitMs: number): T {
  context['work'] = work
  for (let tries = 1; ; tries++) {
    const before = process.threadCpuUsage()
    try {
      return script.runInContext(context, { timeout: limitMs }) as T
    } catch (error) {
      const { user, system } = process.threadCpuUsage(before)
      const hadTime = (user + system) / 1000 >= limitMs / 2
      if (!isTimeout(error) || hadTime || tries === MOST_TRIES) throw error
    }
  }
}

/** Such an error is of the other context, where `Error` is another one. */
function isTimeout(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT'
}

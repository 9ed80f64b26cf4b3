import { createContext, Script } from 'node:vm'

const script = new Script('work()')
const context = createContext({ work: undefined })

/**
 * Does work that cannot be interrupted otherwise, such as matching a regular expression.
 *
 * @throws an error when it takes longer than `limitMs`; what `work` throws
 */
export function withinTime<T>(work: () => T, limitMs: number): T {
  context['work'] = work
  return script.runInContext(context, { timeout: limitMs }) as T
}

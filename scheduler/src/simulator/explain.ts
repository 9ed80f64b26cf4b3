import { DamselflyError } from '@damselfly/shared'
import { answerOf } from '../explain/answer.ts'
import { DecisionTrace } from '../explain/decision-trace.ts'
import { wordsOf } from '../explain/words.ts'

/** What is to be explained of each task. */
export interface Question {
  readonly piece: number | undefined
  /** The end of a child's id. */
  readonly peer: string | undefined
}

/** Enough for a thousand children and four thousand pieces; half a gigabyte. */
const MOST_DECISIONS = 4_000_000

/** Keeps all decisions of a simulation. */
export function createSimulationTrace(): DecisionTrace {
  return new DecisionTrace({ perTask: MOST_DECISIONS, total: MOST_DECISIONS })
}

/** @throws DamselflyError USAGE when it is about nobody, or several */
export function* explanationOf(trace: DecisionTrace, { piece, peer }: Question): Generator<string> {
  let isAbout = 0
  for (const task of trace.tasks) {
    const [child, ...others] = peer === undefined ? [] : trace.childrenEnding(task, peer)
    if (others.length > 0) throw new DamselflyError('USAGE', `--explain: the ids of ${others.length + 1} peers end with ${peer}`)
    if (peer !== undefined && child === undefined) continue
    const { decisions } = trace.query(task, { child, piece, limit: Infinity })
    isAbout += decisions.length
    yield `task ${task}`
    if (child !== undefined && piece !== undefined) yield answerOf(child, piece, trace.query(task, { child, limit: Infinity }).decisions)
    for (const decision of decisions) yield `${(decision.at / 1000).toFixed(3)} s  #${decision.number}  ${wordsOf(decision)}`
  }
  if (isAbout === 0) throw new DamselflyError('USAGE', '--explain: there is no such peer or piece')
}

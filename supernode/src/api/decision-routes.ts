import { DamselflyError, isTaskId, type Clock, type PeerId, type TaskId } from '@damselfly/shared'
import { apiErrorBody, isoTime, type ApiServer } from '@damselfly/shared/http-api'
import type { Scheduler } from '@damselfly/scheduler'
import { answerOf, wordsOf, wordsOfChildWait, type Candidate, type Decision, type DecisionTrace } from '@damselfly/scheduler/explain'
import * as z from 'zod'
import type { TaskRegistry } from '../swarm/task-registry.ts'
import { decisionListBody, decisionQuery, type DecisionBody } from './decision-schemas.ts'

export interface DecisionSources {
  readonly tasks: TaskRegistry
  /** Undefined: none are kept. */
  readonly decisions: DecisionTrace | undefined
  readonly scheduler: Pick<Scheduler, 'snapshotWait'>
  readonly clock: Clock
}

export function addDecisionRoutes(app: ApiServer, sources: DecisionSources): void {
  const { scheduler, clock } = sources
  app.get(
    '/api/v1/tasks/:id/decisions',
    {
      schema: {
        description: 'Which piece the scheduler assigned to whom, from which parent and why, as far as it is kept; also of a task that is gone.',
        params: z.object({ id: z.string().max(128) }),
        querystring: decisionQuery,
        response: { 200: decisionListBody, 400: apiErrorBody, 401: apiErrorBody, 404: apiErrorBody },
      },
    },
    async ({ params: { id }, query: { peer, piece, limit, after } }) => {
      const { task, trace } = traceOf(id, sources)
      const child = peer === undefined ? undefined : childOf(trace, task, peer)
      const { decisions, hasMore, oldest, isCut } = trace.query(task, { child, piece, after, limit })
      const answer = child === undefined || piece === undefined ? null : answerOf(child, piece, allOf(trace, task, child))
      const wait = child === undefined ? undefined : scheduler.snapshotWait(task, child)
      const waiting = child === undefined || wait === undefined ? null : wordsOfChildWait(child, wait, clock.now())
      const next = hasMore ? (decisions.at(-1)?.number ?? null) : null
      return { taskId: id, answer, waiting, decisions: decisions.map((decision) => bodyOf(decision, clock)), next, oldest, isCut }
    },
  )
}

function traceOf(id: string, { tasks, decisions }: DecisionSources): { readonly task: TaskId; readonly trace: DecisionTrace } {
  const task = isTaskId(id) ? id : undefined
  if (task === undefined || (tasks.get(task) === undefined && decisions?.has(task) !== true)) {
    throw new DamselflyError('TASK_NOT_FOUND', `there is no task ${id}`)
  }
  if (decisions === undefined) throw new DamselflyError('USAGE', 'no decisions are kept here; see scheduler.decisions in the configuration')
  return { task, trace: decisions }
}

function childOf(trace: DecisionTrace, task: TaskId, ending: string): PeerId {
  const [child, ...others] = trace.childrenEnding(task, ending)
  if (child === undefined) throw new DamselflyError('PEER_NOT_FOUND', `no decision about a peer ${ending} is kept of this task`)
  if (others.length > 0) throw new DamselflyError('USAGE', `the ids of ${others.length + 1} peers end with ${ending}; give more of it`)
  return child
}

function allOf(trace: DecisionTrace, task: TaskId, child: PeerId): readonly Decision[] {
  return trace.query(task, { child, limit: Number.MAX_SAFE_INTEGER }).decisions
}

function bodyOf(decision: Decision, clock: Clock): DecisionBody {
  const offset = clock.wallTime() - clock.now()
  const common = { at: isoTime(decision.at + offset), words: wordsOf(decision) }
  if (decision.type !== 'assigned') return { ...decision, ...common }
  const { candidates, triggerPeer = null, outcome = null, tookMs, waitedMs, ...rest } = decision
  return {
    ...rest,
    ...common,
    triggerPeer,
    waitedMs: rounded(waitedMs),
    others: candidates.map((candidate) => candidateOf(candidate, decision.at + offset)),
    outcome,
    tookMs: tookMs === undefined ? null : rounded(tookMs),
  }
}

function candidateOf({ blockedForMs, ...candidate }: Candidate, at: number): Extract<DecisionBody, { type: 'assigned' }>['others'][number] {
  const hasEnd = blockedForMs > 0 && Number.isFinite(blockedForMs)
  return { ...candidate, blockedUntil: hasEnd ? isoTime(at + blockedForMs) : null }
}

/** To microseconds. */
function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000
}

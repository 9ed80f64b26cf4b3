import { DamselflyError, redactUrl } from '@damselfly/shared'
import * as z from 'zod'
import type { WriteLine } from '../progress/reporter.ts'
import type { ExplainJob } from './command.ts'
import type { ManagementClient } from '../management/management-client.ts'

/** The most that the supernode gives at once. */
const PAGE = 1000

const decision = z.looseObject({ number: z.number(), at: z.string(), words: z.string() })
const decisionPage = z.object({
  taskId: z.string(),
  answer: z.string().nullable(),
  waiting: z.string().nullable(),
  decisions: z.array(decision),
  next: z.number().nullable(),
  oldest: z.number(),
  isCut: z.boolean(),
})
const taskPage = z.object({ tasks: z.array(z.object({ taskId: z.string(), url: z.string() })), next: z.string().nullable() })

type DecisionPage = z.output<typeof decisionPage>

/** Writes what the supernode knows about how pieces of a task came to peers. @throws DamselflyError */
export async function explain(job: ExplainJob, client: ManagementClient, write: WriteLine): Promise<void> {
  const { piece, peer, json } = job
  const task = job.task.includes('://') ? await taskOfUrl(job.task, client) : job.task
  const path = `/api/v1/tasks/${encodeURIComponent(task)}/decisions`
  let page: DecisionPage | undefined
  do {
    const isFirst = page === undefined
    page = await client.get(path, { peer, piece, limit: PAGE, after: page?.next ?? undefined }, decisionPage)
    if (isFirst) writeHead(page, json, write)
    for (const each of page.decisions) write(json ? JSON.stringify(each) : lineOf(each))
  } while (page.next !== null)
}

function writeHead({ taskId, answer, waiting, decisions, oldest, isCut }: DecisionPage, json: boolean, write: WriteLine): void {
  if (json) return write(JSON.stringify({ type: 'task', taskId, answer, waiting, oldest, isCut }))
  if (answer !== null) write(`${answer}\n`)
  if (waiting !== null) write(`Now: ${waiting}\n`)
  if (isCut) write(`What was decided before #${oldest} is forgotten.`)
  if (decisions.length === 0) write('Nothing that was decided about that is known.')
}

function lineOf({ number, at, words }: z.output<typeof decision>): string {
  return `${at}  #${number}  ${words}`
}

/** URLs are kept without the values of their queries, so several tasks may look alike. */
async function taskOfUrl(url: string, client: ManagementClient): Promise<string> {
  const shown = redactUrl(url)
  const found: string[] = []
  let after: string | undefined
  do {
    const page = await client.get('/api/v1/tasks', { limit: PAGE, after }, taskPage)
    for (const task of page.tasks) if (task.url === shown) found.push(task.taskId)
    after = page.next ?? undefined
  } while (after !== undefined)
  const [task, ...others] = found
  if (task === undefined) throw new DamselflyError('TASK_NOT_FOUND', `the supernode knows no task of ${shown}`)
  if (others.length > 0) throw new DamselflyError('USAGE', `there are several tasks of ${shown}; name one of them by its id: ${found.join(', ')}`)
  return task
}

import { DamselflyError, pause, type Clock, type HeaderMap } from '@damselfly/shared'
import type { Cdn, ContentSpec } from '@damselfly/cdn'
import { orAborted } from '../swarm/admission.ts'
import type { TaskRegistry } from '../swarm/task-registry.ts'
import type { Task } from '../swarm/task.ts'

/** How often is told how far a fetch is; milliseconds. */
const INTERVAL = 500

/** Told while the CDN brings a content. */
export interface BringListener {
  /** The origin has answered, so that peers may join. @param contentLength bytes; undefined while unknown */
  opened(contentLength: number | undefined): void
  /** @param bytes that are verified on this disk */
  progress(bytes: number): void
}

export interface BringDeps {
  readonly cdn: Cdn
  readonly tasks: TaskRegistry
  readonly clock: Clock
}

/** Who wants it. */
export interface Bringing {
  readonly spec: ContentSpec
  readonly credentials: HeaderMap
  readonly listener: BringListener
  readonly signal: AbortSignal
}

/**
 * Sees to it that the CDN itself holds a content, and the version that the origin serves now.
 *
 * @returns its length; bytes
 * @throws DamselflyError why it cannot be had; the signal's reason
 */
export async function bringContent({ cdn, tasks, clock }: BringDeps, { spec, credentials, listener, signal }: Bringing): Promise<number> {
  const task = tasks.use(spec)
  await open(task, { spec, credentials, signal })
  if (task.swarm.content.isPrivate) await cdn.authorize(spec, credentials, signal)
  const { source } = task
  listener.opened(source.task?.stored.layout?.contentLength)
  while (source.state.type === 'fetching' || source.state.type === 'starting') {
    const looking = new AbortController()
    const changed = source.nextChange().finally(() => looking.abort())
    await orAborted(Promise.race([changed, pause(clock, INTERVAL, looking.signal)]), signal).finally(() => looking.abort())
    listener.progress(source.task?.stored.verifiedBytes ?? 0)
  }
  if (source.state.type === 'failed') throw source.state.error
  return source.task?.stored.layout?.contentLength ?? 0
}

/** Resolves when the CDN has the content or gets it. */
async function open({ source }: Task, asked: Omit<Bringing, 'listener'>): Promise<void> {
  const attempt = { ...asked, by: undefined }
  for (;;) {
    asked.signal.throwIfAborted()
    source.refresh()
    switch (source.state.type) {
      case 'starting':
        await orAborted(source.nextChange(), asked.signal)
        break
      case 'fetching':
        return
      case 'passed-on':
        throw new DamselflyError('USAGE', 'a supernode in passthrough mode keeps nothing, so there is nothing to preheat')
      case 'complete':
        if (await orAborted(source.revalidate(attempt), asked.signal)) return
        break
      case 'idle':
      case 'failed': {
        const { error } = await orAborted(source.start(attempt), asked.signal)
        if (error !== undefined) throw error
      }
    }
  }
}

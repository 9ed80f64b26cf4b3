import { fork, type ChildProcess } from 'node:child_process'

/** What a process of a benchmark can be asked to do, by name. Arguments and results are structured-cloneable. */
export type Calls = Readonly<Record<string, (argument: never) => Promise<unknown>>>

interface Call {
  readonly name: string
  readonly argument: unknown
}

type Answer = { readonly value: unknown } | { readonly error: string }

/** Answers the calls of the process that forked this one; ends with it. */
export function answerCalls(calls: Calls): void {
  process.on('message', (message) => {
    const { name, argument } = message as Call
    const answer = (what: Answer): void => void process.send?.(what)
    Promise.resolve()
      .then(() => calls[name]?.(argument as never))
      .then(
        (value) => answer({ value }),
        (error: unknown) => answer({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
      )
  })
  process.on('disconnect', () => process.exit())
}

/** A forked process that answers calls, one at a time. */
export class Caller<C extends Calls> {
  readonly #child: ChildProcess
  readonly #gone: Promise<never>

  /** @param script a TypeScript file that calls `answerCalls`. */
  constructor(script: URL, nodeOptions: readonly string[] = []) {
    this.#child = fork(script, { execArgv: ['--conditions=development', ...nodeOptions], serialization: 'advanced' })
    this.#gone = new Promise((_, reject) => {
      this.#child.once('exit', (code, signal) => reject(new Error(`${script.pathname} ended with ${signal ?? code}`)))
    })
    this.#gone.catch(() => undefined)
  }

  get pid(): number {
    return this.#child.pid ?? -1
  }

  async call<N extends keyof C & string>(name: N, argument: Parameters<C[N]>[0]): Promise<Awaited<ReturnType<C[N]>>> {
    const answered = new Promise<Answer>((resolve) => this.#child.once('message', (answer) => resolve(answer as Answer)))
    this.#child.send({ name, argument } satisfies Call)
    const answer = await Promise.race([answered, this.#gone])
    if ('error' in answer) throw new Error(answer.error)
    return answer.value as Awaited<ReturnType<C[N]>>
  }

  async stop(): Promise<void> {
    if (this.#child.connected) this.#child.disconnect()
    await this.#gone.catch(() => undefined)
  }
}

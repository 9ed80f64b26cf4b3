/**
 * Takes the next bytes, which are valid only during the call: whoever needs them longer copies them.
 * Whoever returns a promise gets no more before it resolves; undefined means: go on.
 */
export type ByteSink = (bytes: Uint8Array) => Promise<void> | undefined

/** Bytes that come once and in order, from something that can be told to wait. */
export interface ByteFlow {
  /**
   * Hands all bytes to `sink`; can be called once. Resolves when the sink is done with the last of them or after
   * `cancel`, and never before a promise of the sink's has settled.
   *
   * @throws what ends the flow early, and whatever the sink throws, which ends it too
   */
  pipe(sink: ByteSink): Promise<void>
  /** No more bytes are wanted: ends what brings them. Idempotent, also before and after `pipe`. */
  cancel(): void
}

/** A flow of what is iterated over, one item after the other; a cancelled one asks for no further item. */
export function flowOf(chunks: AsyncIterable<Uint8Array>): ByteFlow {
  return new IteratedFlow(chunks)
}

/** All bytes of a flow, copied. */
export async function collect(flow: ByteFlow): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  await flow.pipe((bytes) => {
    // Not `slice`, which is a view where the bytes are a Buffer.
    chunks.push(new Uint8Array(bytes))
    return undefined
  })
  return Buffer.concat(chunks)
}

class IteratedFlow implements ByteFlow {
  readonly #iterator: AsyncIterator<Uint8Array>
  #isOver = false

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#iterator = chunks[Symbol.asyncIterator]()
  }

  async pipe(sink: ByteSink): Promise<void> {
    try {
      while (!this.#isOver) {
        const next = await this.#iterator.next()
        if (this.#isOver || next.done === true) return
        await sink(next.value)
      }
    } finally {
      this.cancel()
    }
  }

  cancel(): void {
    this.#isOver = true
    // How the end of what nobody wants fails is of no interest.
    this.#iterator.return?.().catch(() => undefined)
  }
}

/** The same bytes for who wants to ask for them; each item is the consumer's own. Ends the flow when it is left early. */
export async function* chunksOf(flow: ByteFlow): AsyncGenerator<Uint8Array, undefined> {
  let arrival = Promise.withResolvers<Uint8Array | undefined>()
  let demand = Promise.withResolvers<void>()
  const piped = flow.pipe((bytes) => {
    // Not `slice`, which is a view where the bytes are a Buffer.
    arrival.resolve(new Uint8Array(bytes))
    return demand.promise
  })
  piped.then(
    () => arrival.resolve(undefined),
    (error: unknown) => {
      arrival.promise.catch(() => undefined)
      arrival.reject(error)
    },
  )
  try {
    for (;;) {
      const bytes = await arrival.promise
      if (bytes === undefined) return undefined
      const taken = demand
      arrival = Promise.withResolvers()
      demand = Promise.withResolvers()
      taken.resolve()
      yield bytes
    }
  } finally {
    flow.cancel()
    demand.resolve()
  }
}

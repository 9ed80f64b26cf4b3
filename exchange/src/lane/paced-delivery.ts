import type { RateFlow } from '@damselfly/shared'
import type { FlowGate } from './flow-gate.ts'

interface Waiting {
  /** A copy: what arrives is valid only for a moment. */
  readonly bytes: Uint8Array
  readonly flow: RateFlow
  readonly deliver: (part: Uint8Array) => void
}

/**
 * Hands on what arrived as fast as its limit allows, a portion at a time and in order. Meanwhile the gate is shut, so that
 * the sender is slowed down and no more has to be kept than one read of the socket.
 */
export class PacedDelivery {
  readonly #gate: FlowGate
  readonly #signal: AbortSignal
  readonly #waiting: Waiting[] = []
  #isRunning = false
  #heldMs = 0

  /** @param signal once aborted, nothing is handed on any more. */
  constructor(gate: FlowGate, signal: AbortSignal) {
    this.#gate = gate
    this.#signal = signal
  }

  /** Whether something waits, behind which what comes now must queue up. */
  get isHolding(): boolean {
    return this.#isRunning
  }

  /** How long limits held up what was handed on, in all; milliseconds. */
  get heldMs(): number {
    return this.#heldMs
  }

  push(bytes: Uint8Array, flow: RateFlow, deliver: (part: Uint8Array) => void): void {
    this.#waiting.push({ bytes: new Uint8Array(bytes), flow, deliver })
    if (!this.#isRunning) this.#gate.holdUntil(this.#run())
  }

  /** Rejects when aborted. */
  async #run(): Promise<void> {
    this.#isRunning = true
    try {
      for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
        await inPortions(next.bytes, this.#counted(next.flow), this.#signal, next.deliver)
      }
    } finally {
      this.#isRunning = false
    }
  }

  #counted(flow: RateFlow): PortionFlow {
    return {
      portion: flow.portion,
      take: async (bytes, signal) => {
        const before = flow.heldMs
        await flow.take(bytes, signal)
        this.#heldMs += flow.heldMs - before
      },
    }
  }
}

type PortionFlow = Pick<RateFlow, 'portion' | 'take'>

/**
 * Hands `bytes` on in portions, each when the flow lets it pass and the one before it is done with.
 *
 * @throws the signal's reason, what `deliver` throws or rejects with
 */
export async function inPortions(
  bytes: Uint8Array,
  flow: PortionFlow,
  signal: AbortSignal,
  deliver: (part: Uint8Array) => Promise<void> | void,
): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const part = bytes.subarray(at, at + flow.portion)
    await flow.take(part.length, signal)
    signal.throwIfAborted()
    await deliver(part)
    at += part.length
  }
}

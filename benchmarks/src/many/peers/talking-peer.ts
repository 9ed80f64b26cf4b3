import {
  ControlClient,
  createDirectTransport,
  createIdentity,
  createSupernodeDialer,
  type HeldTask,
  type SupernodeAddress,
  type Transport,
} from '@damselfly/exchange'
import { systemClock } from '@damselfly/shared'
import { silentLogger } from '@damselfly/shared/logging'
import { TalkingChild } from './talking-child.ts'

export interface TalkingPeerInit {
  readonly supernode: SupernodeAddress
  readonly holds: readonly HeldTask[]
  /** Where it says that others reach it; nobody does. */
  readonly port: number
}

/** A control client that is not started. @param transport whose channels it uses */
export function createTalkingClient({ supernode, holds, port }: TalkingPeerInit, transport: Transport): ControlClient {
  const byId = new Map(holds.map((held) => [held.taskId, held]))
  return new ControlClient({
    dial: createSupernodeDialer({ addresses: [supernode], transports: [transport], known: { check: async () => undefined } }),
    hello: () => ({
      agent: 'bench/1',
      endpoints: [{ kind: 'direct', host: '127.0.0.1', port }],
      location: { location: '', zone: '', rack: '' },
      uploadSlots: 16,
      security: 'auto',
      hostName: 'bench',
    }),
    inventory: { taskIds: () => [...byId.keys()], held: async (taskId) => byId.get(taskId) },
    onRate: () => undefined,
    onEvict: () => undefined,
    clock: systemClock,
    random: Math.random,
    logger: silentLogger(),
  })
}

/** A peer with the real control client, a direct channel of its own and no disk: it says that it holds what it is told to. */
export class TalkingPeer {
  readonly #client: ControlClient
  readonly #transport: Transport

  constructor(init: TalkingPeerInit) {
    this.#transport = createDirectTransport({ identity: createIdentity() })
    this.#client = createTalkingClient(init, this.#transport)
  }

  get isConnected(): boolean {
    return this.#client.state.type === 'connected'
  }

  start(): void {
    this.#client.start()
  }

  async stop(): Promise<void> {
    await this.#client.stop()
    await this.#transport.stop()
  }

  /** Wants these contents, one after the other and then from the first again, until `signal` is aborted. @returns messages, both ways */
  async want(contents: readonly HeldTask[], signal: AbortSignal): Promise<number> {
    let messages = 0
    for (let next = 0; !signal.aborted; next++) {
      const content = contents[next % contents.length]
      if (content === undefined) break
      messages += await new TalkingChild(this.#client, content).fetch(signal)
    }
    return messages
  }
}

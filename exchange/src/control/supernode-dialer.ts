import { DamselflyError, messageOf } from '@damselfly/shared'
import type { Channel } from '../channel/channel.ts'
import type { Transport } from '../channel/transport.ts'
import type { JoinToken } from './join-token.ts'
import type { KnownSupernodes } from './known-supernodes.ts'
import { formatSupernodeAddress, type SupernodeAddress } from './supernode-address.ts'

/** Opens a control channel to the first supernode that answers. */
export type SupernodeDialer = (signal: AbortSignal) => Promise<Channel>

/** A supernode that does not answer by then is passed over; milliseconds. */
const DIAL_TIMEOUT = 5_000

export interface SupernodeDialerOptions {
  /** In order of preference. */
  readonly addresses: readonly SupernodeAddress[]
  readonly transports: readonly Transport[]
  readonly known: Pick<KnownSupernodes, 'check'>
  /** What this peer joins with: an address without a PeerId must answer as who made it. @default nothing */
  readonly joinToken?: () => Promise<JoinToken | undefined>
}

/** The dialer throws DamselflyError SUPERNODE_UNREACHABLE or SUPERNODE_IDENTITY, naming every address that was tried. */
export function createSupernodeDialer(options: SupernodeDialerOptions): SupernodeDialer {
  return async (signal) => {
    const failures: unknown[] = []
    for (const address of options.addresses) {
      try {
        return await dialOne(options, address, signal)
      } catch (error) {
        signal.throwIfAborted()
        failures.push(error)
      }
    }
    throw summary(options.addresses, failures)
  }
}

async function dialOne(
  { transports, known, joinToken }: SupernodeDialerOptions,
  address: SupernodeAddress,
  signal: AbortSignal,
): Promise<Channel> {
  const transport = transports.find(({ kind }) => kind === address.kind)
  if (transport === undefined) {
    throw new DamselflyError('CONFIG_INVALID', `no ${address.kind} channels can be opened with these security settings`)
  }
  const endpoint = { kind: address.kind, host: address.host, port: address.port }
  const limit = AbortSignal.any([signal, AbortSignal.timeout(DIAL_TIMEOUT)])
  const channel = await transport.dial({ endpoint, peer: address.peer ?? (await joinToken?.())?.supernode }, '/damselfly/control/1', limit)
  if (address.peer !== undefined) return channel
  try {
    await known.check(formatSupernodeAddress(address), channel.remotePeer)
  } catch (error) {
    channel.abort(error instanceof Error ? error : new Error(String(error)))
    throw error
  }
  return channel
}

function summary(addresses: readonly SupernodeAddress[], failures: readonly unknown[]): DamselflyError {
  const identity = failures.find((error) => error instanceof DamselflyError && isIdentityCode(error.code))
  const tried = addresses.map((address, i) => `${formatSupernodeAddress(address)} (${messageOf(failures[i])})`).join(', ')
  const code = identity === undefined ? 'SUPERNODE_UNREACHABLE' : 'SUPERNODE_IDENTITY'
  return new DamselflyError(code, `no supernode answers: ${tried}`, { cause: failures.at(-1) })
}

function isIdentityCode(code: string): boolean {
  return code === 'SUPERNODE_IDENTITY' || code === 'PEER_IDENTITY'
}

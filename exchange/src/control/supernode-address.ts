import { DamselflyError, type PeerId } from '@damselfly/shared'

/** Where a supernode answers. */
export interface SupernodeAddress {
  /** The kind of channel: TLS 1.3, or Noise over libp2p. */
  readonly kind: 'direct' | 'libp2p'
  readonly host: string
  readonly port: number
  /** Undefined: whoever answers first is remembered and must answer from then on. */
  readonly peer: PeerId | undefined
}

const DEFAULT_PORTS = { direct: 65_000, libp2p: 65_010 } as const
const LIBP2P_SCHEME = 'libp2p://'

/**
 * Reads `HOST`, `HOST:PORT` or `[IPV6]:PORT`, with `PEERID@` and `libp2p://` before it where wanted.
 *
 * @throws DamselflyError CONFIG_INVALID
 */
export function parseSupernodeAddress(text: string): SupernodeAddress {
  const kind = text.startsWith(LIBP2P_SCHEME) ? 'libp2p' : 'direct'
  const url = URL.parse(`tcp://${kind === 'libp2p' ? text.slice(LIBP2P_SCHEME.length) : text}`)
  const plain = url !== null && url.pathname === '' && url.search === '' && url.hash === '' && url.password === ''
  if (!plain || url.hostname === '') {
    throw new DamselflyError('CONFIG_INVALID', `'${text}' is no supernode address: write HOST:PORT or PEERID@HOST:PORT`)
  }
  return {
    kind,
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? DEFAULT_PORTS[kind] : Number(url.port),
    peer: url.username === '' ? undefined : (url.username as PeerId),
  }
}

/** The form that `parseSupernodeAddress` reads, without the peer id. */
export function formatSupernodeAddress(address: SupernodeAddress): string {
  const host = address.host.includes(':') ? `[${address.host}]` : address.host
  return `${address.kind === 'libp2p' ? LIBP2P_SCHEME : ''}${host}:${address.port}`
}

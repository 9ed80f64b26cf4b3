import { connect, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { DamselflyError } from '@damselfly/shared'
import type { TargetGate } from './target-gate.ts'
import { connectError } from './target-gate.ts'
import { formatTarget, type Target } from './target.ts'

/** For DNS and TCP together; milliseconds. */
const CONNECT_MS = 10_000

/** Connects to a target, for bytes that nobody here looks at. @throws DamselflyError PROXY_REFUSED, ORIGIN_UNREACHABLE */
export async function dial(target: Target, gate: TargetGate): Promise<Socket> {
  const { host, port } = target
  const socket = connect({ host, port, lookup: gate.lookup(port), allowHalfOpen: true, noDelay: true })
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const late = (): void => reject(new DamselflyError('ORIGIN_UNREACHABLE', `no connection to ${formatTarget(target)} within ${CONNECT_MS / 1000} s`))
  socket.setTimeout(CONNECT_MS, late)
  socket.once('error', reject)
  socket.once('connect', resolve)
  try {
    await promise
    socket.setTimeout(0)
    return socket
  } catch (error) {
    socket.destroy()
    throw connectError(error, target)
  } finally {
    socket.off('timeout', late)
    socket.off('error', reject)
  }
}

/**
 * Carries bytes both ways until both sides have ended, one breaks, or nothing goes either way for `idleMs`.
 *
 * @param client a socket of a server of node:http
 * @returns breaks it
 */
export function join(client: Duplex, remote: Socket, idleMs: number): () => void {
  const end = (): void => {
    client.destroy()
    remote.destroy()
  }
  for (const side of [client, remote]) side.on('error', end)
  client.once('close', end)
  remote.once('close', end)
  // Bytes of either direction pass this socket, so that it is idle when the tunnel is.
  remote.setTimeout(idleMs, end)
  client.pipe(remote)
  remote.pipe(client)
  return end
}

import { toDamselflyError } from '@damselfly/shared'
import { connectDaemon } from '../api/client.ts'
import type { StatusBody } from '../api/schemas.ts'
import { adviceOf, fail, ok, warn, type Finding } from './finding.ts'

export interface DaemonState {
  /** Undefined: it does not answer. */
  readonly status: StatusBody | undefined
  readonly findings: readonly Finding[]
}

/** Whether a daemon answers on its socket, and whether it has a supernode. */
export async function checkDaemon(socket: string): Promise<DaemonState> {
  try {
    const client = await connectDaemon(socket)
    try {
      const status = await client.status()
      return { status, findings: [ok('daemon', `${status.version} answers on ${socket}`), supernodeFinding(status.supernode)] }
    } finally {
      client.close()
    }
  } catch (error) {
    const { code, message } = toDamselflyError(error)
    const hint = code === 'DAEMON_UNREACHABLE' ? 'start it (systemctl start dfdaemon), or name its configuration by --config' : adviceOf(code)
    return { status: undefined, findings: [fail('daemon', message, hint)] }
  }
}

export function supernodeFinding(supernode: StatusBody['supernode']): Finding {
  const check = 'supernode'
  if (supernode.type === 'connected') return ok(check, `connected with ${supernode.address}`)
  if (supernode.type === 'none') return warn(check, 'none is configured, so every image comes from its registry', 'name one under supernodes in the configuration')
  const { error, address } = supernode
  const reason = error === undefined ? '' : `: ${error.message}`
  const hint = error === undefined ? 'see whether it runs, and whether its port can be reached from here' : adviceOf(error.code)
  return fail(check, `${address} is not connected${reason}`, hint)
}

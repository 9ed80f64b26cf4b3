import { join } from 'node:path'

/** Where the service that the system runs listens. */
export const SYSTEM_SOCKET = '/run/damselfly/dfdaemon.sock'

export interface SocketEnvironment {
  readonly isRoot: boolean
  readonly runtimeDir: string | undefined
}

export function socketEnvironment(env: Readonly<Record<string, string | undefined>>): SocketEnvironment {
  return { isRoot: process.geteuid?.() === 0, runtimeDir: env['XDG_RUNTIME_DIR'] || undefined }
}

/** Where a daemon of this user listens unless its configuration says otherwise. */
export function defaultSocketPath(environment: SocketEnvironment, dataDir: string): string {
  if (environment.isRoot) return SYSTEM_SOCKET
  const { runtimeDir } = environment
  return runtimeDir === undefined ? join(dataDir, 'dfdaemon.sock') : join(runtimeDir, 'damselfly', 'dfdaemon.sock')
}

/** Where this user's programs look for a daemon, the nearest first: the user's own, then the system's. */
export function socketCandidates(environment: SocketEnvironment, dataDir: string): readonly string[] {
  return [...new Set([defaultSocketPath(environment, dataDir), SYSTEM_SOCKET])]
}

import { execFile } from 'node:child_process'
import { chmod, lstat, mkdir, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import { DamselflyError, diskError, messageOf, requireOwnDirectory, systemCode } from '@damselfly/shared'

/** The owner and the group may connect, nobody else: these permissions are the local API's guard. */
const SOCKET_MODE = 0o660
const DIRECTORY_MODE = 0o750

const run = promisify(execFile)

/**
 * Makes room for a socket at `path`: the directory exists, and a socket that a dead daemon left is gone.
 *
 * @throws DamselflyError ADDRESS_IN_USE, DISK_DENIED, DISK_FAILED
 */
export async function prepareSocketFile(path: string, group: string | undefined): Promise<void> {
  await makeDirectory(dirname(path), group)
  // Who may replace the socket would hear what callers send, their credentials among it.
  await requireOwnDirectory(dirname(path), true)
  if (!(await exists(path))) return
  if (await isAlive(path)) {
    throw new DamselflyError('ADDRESS_IN_USE', `another dfdaemon listens on ${path}`)
  }
  await rm(path).catch((error: unknown) => {
    throw diskError(error, `remove the stale socket ${path}`)
  })
}

/** @throws DamselflyError DISK_DENIED, CONFIG_INVALID when there is no such group */
export async function guardSocketFile(path: string, group: string | undefined): Promise<void> {
  if (group !== undefined) await changeGroup(path, group)
  await chmod(path, SOCKET_MODE).catch((error: unknown) => {
    throw diskError(error, `set the mode of ${path}`)
  })
}

async function makeDirectory(directory: string, group: string | undefined): Promise<void> {
  const created = await mkdir(directory, { recursive: true, mode: DIRECTORY_MODE }).catch((error: unknown) => {
    throw diskError(error, `make the directory ${directory} for the socket`)
  })
  if (created === undefined) return
  if (group !== undefined) await changeGroup(directory, group)
  await chmod(directory, DIRECTORY_MODE)
}

async function exists(path: string): Promise<boolean> {
  try {
    const found = await lstat(path)
    if (found.isSocket()) return true
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false
    throw diskError(error, `look at ${path}`)
  }
  throw new DamselflyError('ADDRESS_IN_USE', `${path} exists and is not a socket`)
}

/** Only a refused connection proves that nobody listens; anything else counts as alive. */
async function isAlive(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', (error) => resolve(!['ECONNREFUSED', 'ENOENT'].includes(systemCode(error) ?? '')))
  })
}

/** Node knows groups only by number; `chgrp` resolves names as the system does, directory services included. */
async function changeGroup(path: string, group: string): Promise<void> {
  try {
    await run('chgrp', ['--', group, path])
  } catch (error) {
    const reason = messageOf(error).trim().split('\n').at(-1)
    throw new DamselflyError('CONFIG_INVALID', `api.group: cannot give ${path} to group '${group}': ${reason}`, {
      cause: error,
    })
  }
}

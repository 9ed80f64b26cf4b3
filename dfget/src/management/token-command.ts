import { execFile } from 'node:child_process'
import { DamselflyError, messageOf } from '@damselfly/shared'

/** Somebody may have to log in meanwhile; milliseconds. */
const PATIENCE_MS = 5 * 60_000
const MOST_BYTES = 64 * 1024

/** What a command of the user's own prints, such as one that asks an issuer of tokens; what it says beside goes to the terminal. @throws DamselflyError CONFIG_INVALID */
export async function runTokenCommand(command: string): Promise<string> {
  const token = await new Promise<string>((resolve, reject) => {
    const options = { timeout: PATIENCE_MS, maxBuffer: MOST_BYTES, encoding: 'utf8' } as const
    const child = execFile('/bin/sh', ['-c', command], options, (error, stdout) => (error === null ? resolve(stdout.trim()) : reject(failure(error))))
    child.stderr?.pipe(process.stderr, { end: false })
  })
  if (token === '') throw new DamselflyError('CONFIG_INVALID', 'management.tokenCommand printed no token')
  return token
}

/** Without the command's own text, which may hold secrets. */
function failure(error: Error & { readonly code?: number | string | null; readonly signal?: string | null }): DamselflyError {
  const how = typeof error.code === 'number' ? `ended with ${error.code}` : error.signal === undefined || error.signal === null ? messageOf(error) : `was ended by ${error.signal}`
  return new DamselflyError('CONFIG_INVALID', `management.tokenCommand ${how}`)
}

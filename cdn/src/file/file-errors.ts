import { DamselflyError, isDamselflyError, messageOf, systemCode, type ErrorCode } from '@damselfly/shared'

const CODES: Readonly<Record<string, ErrorCode>> = {
  ENOENT: 'ORIGIN_NOT_FOUND',
  ENOTDIR: 'ORIGIN_NOT_FOUND',
  ENAMETOOLONG: 'ORIGIN_NOT_FOUND',
  EACCES: 'ORIGIN_UNAUTHORIZED',
  EPERM: 'ORIGIN_UNAUTHORIZED',
}

/** What the file system said of a file that is an origin. @param shown its URL */
export function fileError(error: unknown, shown: string): DamselflyError {
  if (isDamselflyError(error)) return error
  const code = CODES[systemCode(error) ?? ''] ?? 'ORIGIN_UNREACHABLE'
  return new DamselflyError(code, `${shown}: ${reasonOf(error)}`, { cause: error })
}

/** Without the path behind symbolic links, which is nobody's business. */
function reasonOf(error: unknown): string {
  return systemCode(error) === undefined ? messageOf(error) : messageOf(error).replace(/, \w+ '.*$/s, '')
}

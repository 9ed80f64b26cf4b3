import { DamselflyError } from '@damselfly/shared'

const NAME = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/i
// oxlint-disable-next-line no-control-regex -- what must not occur in a header value is just that
const FORBIDDEN_IN_VALUE = /[\0\r\n]/

/**
 * Reads `Name: value`. The value is never shown, since it may be a credential.
 *
 * @throws DamselflyError USAGE
 */
export function parseHeader(text: string): readonly [string, string] {
  const colon = text.indexOf(':')
  const name = text.slice(0, Math.max(0, colon)).trim()
  const value = text.slice(colon + 1).trim()
  if (!NAME.test(name)) throw new DamselflyError('USAGE', "--header: write 'Name: value'")
  if (FORBIDDEN_IN_VALUE.test(value)) throw new DamselflyError('USAGE', `--header '${name}': the value has a line break or a zero byte`)
  return [name, value]
}

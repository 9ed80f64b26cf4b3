import { DamselflyError } from '@damselfly/shared'

/**
 * The file name that a URL suggests: its last path segment. Never a path.
 *
 * @throws DamselflyError USAGE when it suggests none
 */
export function outputNameOf(url: string): string {
  const path = URL.parse(url)?.pathname ?? ''
  const name = decoded(path.slice(path.lastIndexOf('/') + 1))
  if (name === '' || name === '.' || name === '..' || /[/\\\0]/.test(name)) {
    throw new DamselflyError('USAGE', 'the URL suggests no file name: name the output with -o FILE')
  }
  return name
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}

import { DamselflyError } from '@damselfly/shared'
import { applyPatch, structuredPatch } from 'diff'
import type { FileChange } from './files.ts'

/**
 * The text that a file has without our change: what it had before, with whatever somebody changed elsewhere in it since.
 *
 * @param current undefined: there is no such file any more
 * @throws DamselflyError TOOL_CONFIG_CHANGED where somebody changed the very part that is ours
 */
export function reverted({ path, before, after }: FileChange, current: string | undefined): string | undefined {
  if (current === after) return before
  // Whoever took it out, or the file away, leaves nothing of ours to take back.
  if (current === before || current === undefined) return current
  const merged = before === undefined || after === undefined ? false : applyPatch(current, structuredPatch(path, path, after, before))
  if (merged !== false) return merged
  throw new DamselflyError('TOOL_CONFIG_CHANGED', `${path} was changed after it was set up`)
}

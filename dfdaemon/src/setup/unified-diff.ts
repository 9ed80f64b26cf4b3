import { createTwoFilesPatch } from 'diff'
import type { FileChange } from './files.ts'

const NOTHING = '/dev/null'

/** As `diff -u` shows it, so that `patch -p0` takes it. */
export function unifiedDiff({ path, before, after }: FileChange): string {
  const [from, to] = [before === undefined ? NOTHING : path, after === undefined ? NOTHING : path]
  return createTwoFilesPatch(from, to, before ?? '', after ?? '').replace(/^(Index: .*\n)?=+\n/, '')
}

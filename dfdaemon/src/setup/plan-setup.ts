import { overlaid, type FileChange, type Files } from './files.ts'
import { reverted } from './revert.ts'
import type { Tool, Wish } from './tool.ts'

/** What was changed for a tool, with the whole texts, so that it can be taken back. */
export interface SetupRecord {
  readonly mirror: string
  /** That were to be pulled through it, for tools that name them. */
  readonly registries: readonly string[]
  readonly changes: readonly FileChange[]
}

/** What a set-up would do now. */
export interface SetupPlan {
  /** From what is on the disk; empty: nothing to do. */
  readonly changes: readonly FileChange[]
  /** What is to be remembered once that is done. */
  readonly record: SetupRecord
  readonly notes: readonly string[]
  readonly needsRestart: boolean
}

export interface SetupInput {
  readonly tool: Tool
  readonly files: Files
  readonly wish: Wish
  /** Of the last time; undefined: it is the first. */
  readonly record: SetupRecord | undefined
}

/**
 * What was set up otherwise before is taken back first, so that the record always leads to the file as it was without us.
 *
 * @throws DamselflyError TOOL_CONFIG_INVALID, TOOL_CONFIG_CHANGED, USAGE
 */
export function planSetup({ tool, files, wish, record }: SetupInput): SetupPlan {
  const { mirror, registries } = wish
  const first = tool.plan(files, wish)
  const wanted = first.changes.filter(isChange)
  if (record === undefined) return { ...first, changes: wanted, record: { mirror, registries, changes: wanted } }
  if (wanted.length === 0) return { ...first, changes: [], record, needsRestart: false }
  const without = new Map(record.changes.map((change) => [change.path, reverted(change, files.read(change.path))]))
  const plan = tool.plan(overlaid(files, without), wish)
  const after = new Map([...without, ...plan.changes.map((change) => [change.path, change.after] as const)])
  const changes = [...after].map(([path, text]) => ({ path, before: files.read(path), after: text })).filter(isChange)
  return { ...plan, changes, record: { mirror, registries, changes: plan.changes.filter(isChange) } }
}

/** @returns what takes everything back @throws DamselflyError TOOL_CONFIG_CHANGED */
export function planUndo(record: SetupRecord, files: Files): readonly FileChange[] {
  return record.changes
    .map((change) => {
      const before = files.read(change.path)
      return { path: change.path, before, after: reverted(change, before) }
    })
    .filter(isChange)
}

function isChange({ before, after }: FileChange): boolean {
  return before !== after
}

import type { FileChange, Files } from './files.ts'

/** What a container tool is to do. */
export interface Wish {
  /** Where the mirror is, such as `http://127.0.0.1:65001`. */
  readonly mirror: string
  /** Those that are to be pulled through it, for tools that must name them. */
  readonly registries: readonly string[]
}

/** What makes a tool do it. */
export interface Plan {
  /** Every file that matters, also where nothing changes. */
  readonly changes: readonly FileChange[]
  /** What a person should know; sentences. */
  readonly notes: readonly string[]
  /** Whether the tool must be told; otherwise it notices by itself. */
  readonly needsRestart: boolean
}

/** A container tool, as far as its configuration goes. All of it is pure. */
export interface Tool {
  readonly name: string
  /** One of these programs is there where the tool is. */
  readonly programs: readonly string[]
  /** Of its configuration; who made it wants the tool to be set up. */
  readonly folder: string
  /** Tools that read the same files have the same record of what was changed. */
  readonly record: string
  /** What makes it read its whole configuration again; undefined: it reads it each time. */
  readonly restart: readonly string[] | undefined
  /** @throws DamselflyError TOOL_CONFIG_INVALID, USAGE */
  readonly plan: (files: Files, wish: Wish) => Plan
}

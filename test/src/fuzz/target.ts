/** What is fuzzed: a decoder, or a server behind one. Files in `test/test/fuzz/` export them as `targets`. */
export interface FuzzTarget {
  /** As `--target` has it, and the folder of its corpus. */
  readonly name: string
  /** Inputs that mean something, to begin with. */
  readonly seeds: readonly (Uint8Array | string)[]
  /** Words of the language that inputs are in. */
  readonly words?: readonly string[]
  /** Bytes that an input may have. @default 4096 */
  readonly maxBytes?: number
  /** Before the first input. */
  readonly start?: () => Promise<void>
  /** @throws whatever is wrong; errors with a code that belong to the interface are its own business */
  readonly run: (input: Uint8Array) => void | Promise<void>
  readonly stop?: () => Promise<void>
}

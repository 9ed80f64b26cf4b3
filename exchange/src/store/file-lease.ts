/** A file that is kept open. */
export interface FileLease {
  readonly descriptor: number
  /** To be called once. */
  release(): void
}

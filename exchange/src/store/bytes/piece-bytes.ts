import type { Sha256 } from '@damselfly/shared'

/** Hashes the bytes of one piece and writes them to the task's file. */
export interface PieceBytes {
  /** Takes the bytes over, so that the caller may use their memory again at once. */
  append(bytes: Uint8Array): void
  /** Undefined when more is welcome at once, else resolves when it is. @throws DamselflyError of the first failed write */
  room(): Promise<void> | undefined
  /**
   * Resolves when everything handed in is in the file.
   *
   * @returns the digest of all of it
   * @throws DamselflyError of the first failed write
   */
  finish(): Promise<Sha256>
  /** Resolves when no write is outstanding; what is not yet being written stays. Never throws. */
  settle(): Promise<void>
  /** Drops what is not yet being written. Resolves when no write is outstanding. */
  discard(): Promise<void>
}

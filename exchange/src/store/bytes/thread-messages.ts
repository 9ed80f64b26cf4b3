/** To the thread: the next bytes of a piece. */
export interface PieceChunk {
  readonly type: 'chunk'
  /** Of the thread's caller; the same for all chunks of a piece. */
  readonly piece: number
  /** Nobody else touches it until the answer. */
  readonly memory: SharedArrayBuffer
  readonly length: number
  /** Open until the answer. */
  readonly descriptor: number
  /** Bytes from the start of the file. */
  readonly position: number
  /** Whether the piece ends with it, so that its digest is wanted. */
  readonly isLast: boolean
}

/** To the thread: no more of this piece will come. */
export interface PieceDropped {
  readonly type: 'dropped'
  readonly piece: number
}

/** From the thread, one for each chunk and in their order. */
export interface ChunkDone {
  readonly piece: number
  /** Of a piece that ended. */
  readonly digest?: Uint8Array | undefined
  /** Why the chunk was not written: what the system said. */
  readonly failure?: { readonly code: string | undefined; readonly message: string } | undefined
}

export type ThreadTask = PieceChunk | PieceDropped

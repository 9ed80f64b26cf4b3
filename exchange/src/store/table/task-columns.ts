import { SHA256_BYTES } from '@damselfly/shared'

/** A column of the table and how much of it one row takes. */
export interface Column {
  readonly name: string
  readonly bytes: Uint8Array
  /** Bytes. */
  readonly width: number
}

type Numbers = Float64Array | Uint32Array | Uint8Array

/** What is known of each task as plain columns, since a million objects would take several times the memory. */
export class TaskColumns {
  ids: Buffer = Buffer.alloc(0)
  /** Whether there is a task in the row, and what `Flag` says of it. */
  flags: Uint8Array = new Uint8Array(0)
  pieceSize: Uint32Array = new Uint32Array(0)
  /** Texts by their number. */
  tag: Uint32Array = new Uint32Array(0)
  application: Uint32Array = new Uint32Array(0)
  /** NaN: unknown. */
  contentLength: Float64Array = new Float64Array(0)
  createdAt: Float64Array = new Float64Array(0)
  lastUsedAt: Float64Array = new Float64Array(0)
  verifiedBytes: Float64Array = new Float64Array(0)
  trustedSince: Float64Array = new Float64Array(0)
  /** NaN: no stamp. */
  stampTime: Float64Array = new Float64Array(0)
  stampSize: Float64Array = new Float64Array(0)
  /** NaN: nobody has counted. */
  hits: Float64Array = new Float64Array(0)
  servedBytes: Float64Array = new Float64Array(0)
  originBytes: Float64Array = new Float64Array(0)

  /** Rows that there is room for. */
  get capacity(): number {
    return this.flags.length
  }

  /** Makes room; what is there stays. */
  grow(rows: number): void {
    const ids = Buffer.alloc(rows * SHA256_BYTES)
    ids.set(this.ids)
    this.ids = ids
    this.flags = filled(new Uint8Array(rows), this.flags)
    this.pieceSize = filled(new Uint32Array(rows), this.pieceSize)
    this.tag = filled(new Uint32Array(rows), this.tag)
    this.application = filled(new Uint32Array(rows), this.application)
    this.contentLength = filled(new Float64Array(rows), this.contentLength)
    this.createdAt = filled(new Float64Array(rows), this.createdAt)
    this.lastUsedAt = filled(new Float64Array(rows), this.lastUsedAt)
    this.verifiedBytes = filled(new Float64Array(rows), this.verifiedBytes)
    this.trustedSince = filled(new Float64Array(rows), this.trustedSince)
    this.stampTime = filled(new Float64Array(rows), this.stampTime)
    this.stampSize = filled(new Float64Array(rows), this.stampSize)
    this.hits = filled(new Float64Array(rows), this.hits)
    this.servedBytes = filled(new Float64Array(rows), this.servedBytes)
    this.originBytes = filled(new Float64Array(rows), this.originBytes)
  }

  /** Their memory as it is now; another one after `grow`. */
  list(): readonly Column[] {
    return Object.entries(this).map(([name, column]: [string, Numbers]) => {
      const width = name === 'ids' ? SHA256_BYTES : column.BYTES_PER_ELEMENT
      return { name, bytes: new Uint8Array(column.buffer, column.byteOffset, column.byteLength), width }
    })
  }
}

function filled<T extends Numbers>(larger: T, column: T): T {
  larger.set(column)
  return larger
}

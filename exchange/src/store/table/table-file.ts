import { open, rename, rm, type FileHandle } from 'node:fs/promises'
import { endianness } from 'node:os'
import { crc32 } from 'node:zlib'
import { diskError } from '@damselfly/shared'
import * as z from 'zod'
import { TaskColumns, type Column } from './task-columns.ts'
import type { TableContent, TaskTable } from './task-table.ts'

/** Read and written at once; a whole number of every column's rows. Bytes. */
const BLOCK_BYTES = 4 * 1024 * 1024

/** Rows that there is room for beyond those in the file, so that the first new task moves nothing. */
const ROOM = 1.1

/** Of what follows the columns: its length and its checksum. */
const FOOTER_BYTES = 8

const trailer = z.object({
  format: z.literal(1),
  endianness: z.literal(endianness()),
  generation: z.string(),
  rows: z.number().int().nonnegative(),
  columns: z.array(z.object({ name: z.string(), checksum: z.number() })),
  texts: z.array(z.string()),
})

type Trailer = z.infer<typeof trailer>

/**
 * Writes a table block by block, while it changes: what changed after the beginning may be in the file or not, and has to be read
 * from the index again. Synced before it takes the place of the one before.
 *
 * @param generation by which it is known again
 * @throws DamselflyError DISK_FULL, DISK_DENIED, DISK_FAILED
 */
export async function writeTable(path: string, table: TaskTable, generation: string): Promise<void> {
  const draft = `${path}.new`
  try {
    const file = await open(draft, 'w', 0o600)
    try {
      await writeAll(file, table, generation)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(draft, path)
  } catch (error) {
    await rm(draft, { force: true }).catch(() => undefined)
    throw diskError(error, `write ${path}`)
  }
}

/** @throws when there is no such file, or it is damaged, of another generation or of a version that is not understood */
export async function readTable(path: string, generation: string): Promise<TableContent> {
  const file = await open(path, 'r')
  try {
    const { size } = await file.stat()
    const { rows, texts, ...read } = await readTrailer(file, size)
    if (read.generation !== generation) throw new Error(`it is of generation ${read.generation}, not ${generation}`)
    const columns = new TaskColumns()
    columns.grow(Math.ceil(rows * ROOM))
    let position = 0
    for (const [number, column] of columns.list().entries()) {
      const expected = read.columns[number]
      if (expected?.name !== column.name) throw new Error(`it has no column ${column.name}`)
      if ((await readColumn(file, column, rows, position)) !== expected.checksum) throw new Error(`its column ${column.name} is damaged`)
      position += rows * column.width
    }
    return { columns, rows, texts }
  } finally {
    await file.close()
  }
}

export async function removeTable(path: string): Promise<void> {
  await rm(path, { force: true })
}

async function writeAll(file: FileHandle, table: TaskTable, generation: string): Promise<void> {
  const { rows, columns: begun } = table.content
  const columns: Trailer['columns'] = []
  for (const [number, { name, width }] of begun.list().entries()) {
    const end = rows * width
    let checksum = 0
    for (let from = 0; from < end; from += BLOCK_BYTES) {
      // The column may be in other memory than a block ago, and must not change under the write.
      const column = table.content.columns.list()[number] as Column
      const block = Buffer.from(column.bytes.subarray(from, Math.min(from + BLOCK_BYTES, end)))
      checksum = crc32(block, checksum)
      await writeWhole(file, block)
    }
    columns.push({ name, checksum })
  }
  const { texts } = table.content
  const text: Trailer = { format: 1, endianness: endianness(), generation, rows, columns, texts: [...texts] }
  const encoded = Buffer.from(JSON.stringify(text))
  const footer = Buffer.alloc(FOOTER_BYTES)
  footer.writeUInt32LE(encoded.length, 0)
  footer.writeUInt32LE(crc32(encoded), 4)
  await writeWhole(file, Buffer.concat([encoded, footer]))
}

async function writeWhole(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length; ) done += (await file.write(bytes, done)).bytesWritten
}

async function readTrailer(file: FileHandle, size: number): Promise<Trailer> {
  const footer = await readWhole(file, Buffer.alloc(FOOTER_BYTES), size - FOOTER_BYTES)
  const length = footer.readUInt32LE(0)
  if (length > size - FOOTER_BYTES) throw new Error('it was cut short')
  const encoded = await readWhole(file, Buffer.alloc(length), size - FOOTER_BYTES - length)
  if (crc32(encoded) !== footer.readUInt32LE(4)) throw new Error('its end is damaged')
  return trailer.parse(JSON.parse(encoded.toString()))
}

/** @returns its checksum */
async function readColumn(file: FileHandle, { bytes, width }: Column, rows: number, position: number): Promise<number> {
  const end = rows * width
  let checksum = 0
  for (let from = 0; from < end; from += BLOCK_BYTES) {
    const block = bytes.subarray(from, Math.min(from + BLOCK_BYTES, end))
    checksum = crc32(await readWhole(file, block, position + from), checksum)
  }
  return checksum
}

async function readWhole<T extends Uint8Array>(file: FileHandle, target: T, position: number): Promise<T> {
  for (let done = 0; done < target.length; ) {
    const { bytesRead } = await file.read(target, done, target.length - done, position + done)
    if (bytesRead === 0) throw new Error('it was cut short')
    done += bytesRead
  }
  return target
}

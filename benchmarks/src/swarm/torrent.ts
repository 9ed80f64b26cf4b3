import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import { basename } from 'node:path'
import { bencode } from './bencode.ts'

/** A torrent file for one file. @param pieceLength bytes; the file's length is a multiple of it */
export async function torrentOf(path: string, pieceLength: number, tracker: string): Promise<Buffer> {
  const digests: Buffer[] = []
  const file = await open(path)
  try {
    const { size } = await file.stat()
    const piece = Buffer.alloc(pieceLength)
    for (let offset = 0; offset < size; offset += pieceLength) {
      await file.read(piece, 0, pieceLength, offset)
      digests.push(createHash('sha1').update(piece).digest())
    }
    const info = { name: basename(path), length: size, 'piece length': pieceLength, pieces: Buffer.concat(digests) }
    return bencode({ announce: tracker, info })
  } finally {
    await file.close()
  }
}

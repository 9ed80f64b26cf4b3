import { createHash } from 'node:crypto'
import { open, writeFile } from 'node:fs/promises'
import { writeRandomFile } from '@damselfly/test'

/** One small file at an origin. */
export interface SmallFile {
  readonly name: string
  readonly sha256: string
}

const KIB = 1024

/** The smallest and the largest; bytes. */
const SMALLEST = KIB
const LARGEST = 64 * KIB

/** Files of 1 to 64 KiB, as many of each length, whose bytes no two share. @param root an existing folder */
export async function writeSmallFiles(root: string, count: number): Promise<readonly SmallFile[]> {
  const source = `${root}/source`
  await writeRandomFile(source, LARGEST + count * KIB, 1)
  const all = await open(source)
  try {
    const files: SmallFile[] = []
    for (let i = 0; i < count; i++) {
      const length = SMALLEST + (i % (LARGEST / KIB)) * KIB
      const bytes = Buffer.alloc(length)
      await all.read(bytes, 0, length, i * KIB)
      const name = `small-${i}`
      await writeFile(`${root}/${name}`, bytes, { mode: 0o644 })
      files.push({ name, sha256: createHash('sha256').update(bytes).digest('hex') })
    }
    return files
  } finally {
    await all.close()
  }
}

import { readFile } from 'node:fs/promises'
import { systemCode } from './errors/damselfly-error.ts'

/** The text in a file; undefined where there is none. @throws what the file system says of any other trouble */
export async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  }
}

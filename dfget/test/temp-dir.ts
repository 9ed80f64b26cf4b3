import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A directory for each test of the surrounding `describe`; removed afterwards. */
export function useTempDir(): { readonly path: string; file(name: string): string } {
  let directory = ''
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'damselfly-dfget-'))
  })
  afterEach(() => rm(directory, { recursive: true, force: true }))
  return {
    get path() {
      return directory
    },
    file: (name) => join(directory, name),
  }
}

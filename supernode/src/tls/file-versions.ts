import { stat } from 'node:fs/promises'
import { messageOf, systemCode } from '@damselfly/shared'

/** Another text whenever one of the files, or what a link in its place leads to, was changed or replaced. */
export async function fileVersions(paths: readonly (string | undefined)[]): Promise<string> {
  const versions = paths.map(async (path) => {
    if (path === undefined) return '-'
    try {
      const { ino, size, mtimeMs } = await stat(path)
      return `${ino}/${size}/${mtimeMs}`
    } catch (error) {
      return systemCode(error) ?? messageOf(error)
    }
  })
  return (await Promise.all(versions)).join(' ')
}

import { execFile } from 'node:child_process'
import { access, mkdir, rm, truncate, writeFile } from 'node:fs/promises'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** A file system that is soon full, in memory or in a file; for root only. */
export class SmallDisk {
  readonly path: string
  readonly #image: string | undefined
  #isMounted = true

  private constructor(path: string, image?: string) {
    this.path = path
    this.#image = image
  }

  /** @param bytes its size */
  static async mount(path: string, bytes: number): Promise<SmallDisk> {
    await mkdir(path)
    await run('mount', ['-t', 'tmpfs', '-o', `size=${bytes},mode=0755`, 'damselfly-lab', path])
    return new SmallDisk(path)
  }

  /** An ext4, in an image beside it. @param bytes of the image */
  static async mountImage(path: string, bytes: number): Promise<SmallDisk> {
    const image = `${path}.image`
    await mkdir(path)
    await writeFile(image, '')
    await truncate(image, bytes)
    await run('mkfs.ext4', ['-q', '-F', '-m', '0', image])
    await run('mount', ['-o', 'loop', image, path])
    return new SmallDisk(path, image)
  }

  /** Idempotent. Where somebody still uses it, it goes once they end. @throws when somebody does */
  async unmount(): Promise<void> {
    if (!this.#isMounted) return
    this.#isMounted = false
    await run('umount', [this.path]).catch(async (error: unknown) => {
      await run('umount', ['--lazy', this.path])
      throw error
    })
    if (this.#image !== undefined) await rm(this.#image)
  }
}

/** Whether file systems can be mounted here, which also takes privileges that a container's root may lack. */
export async function canMount(): Promise<boolean> {
  if (process.getuid?.() !== 0) return false
  return run('unshare', ['--mount', 'true']).then(
    () => true,
    () => false,
  )
}

/** Whether file systems in files can be mounted here. */
export async function canMountImages(): Promise<boolean> {
  const hasTools = await Promise.all([run('mkfs.ext4', ['-V']), access('/dev/loop-control')]).then(
    () => true,
    () => false,
  )
  return hasTools && (await canMount())
}

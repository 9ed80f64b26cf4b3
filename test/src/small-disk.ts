import { execFile } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** A file system in memory that is soon full; for root only. */
export class SmallDisk {
  readonly path: string
  #isMounted = true

  private constructor(path: string) {
    this.path = path
  }

  /** @param bytes its size */
  static async mount(path: string, bytes: number): Promise<SmallDisk> {
    await mkdir(path)
    await run('mount', ['-t', 'tmpfs', '-o', `size=${bytes},mode=0755`, 'damselfly-lab', path])
    return new SmallDisk(path)
  }

  /** Idempotent. */
  async unmount(): Promise<void> {
    if (!this.#isMounted) return
    this.#isMounted = false
    await run('umount', [this.path])
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

import { existsSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { diskSpace } from '@damselfly/exchange'
import { messageOf } from '@damselfly/shared'
import type { DaemonConfig } from '../config/config.ts'
import { fail, ok, warn, type Finding } from './finding.ts'

const GIB = 1024 ** 3

/** Less than that holds hardly an image; bytes. */
const FEW_BYTES = GIB

/** Whether there is room for images. @param used bytes of all contents; undefined: not known */
export async function checkDisk({ dataDir, store }: Pick<DaemonConfig, 'dataDir' | 'store'>, used: number | undefined): Promise<Finding> {
  try {
    return spaceFinding(dataDir, await diskSpace(existingFolder(dataDir)), store, used ?? 0)
  } catch (error) {
    return fail('disk', messageOf(error), 'make the folder, or set dataDir to one that is there')
  }
}

/** The folder, or the one in which a daemon that starts would make it. */
function existingFolder(dataDir: string): string {
  let folder = resolve(dataDir)
  while (!existsSync(folder)) folder = dirname(folder)
  return folder
}

export function spaceFinding(
  dataDir: string,
  { free, total }: { readonly free: number; readonly total: number },
  { quota, minFreePercent }: DaemonConfig['store'],
  used: number,
): Finding {
  const room = free - (total * minFreePercent) / 100
  // What is there already makes room for what comes.
  if (room + used < FEW_BYTES) {
    const text = `${inGib(free)} are free on the disk of ${dataDir}, of which ${minFreePercent}% of the disk stay free for others`
    return fail('disk', text, 'free some space: images would pass through without being kept')
  }
  if (quota !== 0 && quota < FEW_BYTES) return warn('disk', `all contents together may take ${inGib(quota)}`, 'raise store.quota, or large layers are not kept')
  return ok('disk', `${inGib(free)} free on the disk of ${dataDir}, ${inGib(used)} of contents${quota === 0 ? '' : `, quota ${inGib(quota)}`}`)
}

function inGib(bytes: number): string {
  return `${(bytes / GIB).toFixed(1)} GiB`
}

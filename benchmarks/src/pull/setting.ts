import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createImage, pushImage, RegistryPush, RegistryServer, type RegistryAnswer } from '@damselfly/cdn/testing/registry'
import type { Daemon } from '@damselfly/test'
import type { BenchContext } from '../bench.ts'
import type { References } from '../references/succeed.ts'

const MIB = 1024 * 1024

/** Sizes of the layers of what is pulled; bytes. */
export const IMAGES = {
  large: Array.from({ length: 12 }, () => 25 * MIB),
  many: Array.from({ length: 40 }, () => MIB / 4),
  /** For slow lines: a quarter of the large one. */
  quarter: Array.from({ length: 12 }, () => (25 * MIB) / 4),
} as const

export type ImageName = keyof typeof IMAGES

/** Blobs that nobody has pulled before, half of them for each way; how many in a round. */
const COLD_BLOBS = 20
const COLD_LENGTH = 4 * MIB

/** That are asked for at once. */
const SMALL_BLOBS = 200
const SMALL_LENGTH = 10_000

export const REPOSITORY = 'library/bench'

/** What stays over all rounds. */
export interface Registry {
  readonly server: RegistryServer
  readonly push: RegistryPush
  /** Where it keeps what was pushed, for another one to have it too. */
  readonly storage: string
  /** Bytes of the blobs of each image. */
  readonly lengths: Readonly<Record<ImageName, number>>
  readonly smallBlobs: readonly string[]
}

export interface Setting extends References, Registry {
  readonly cold: Daemon
  readonly second: Daemon
  /** Digests of blobs that nobody has pulled yet. */
  readonly coldBlobs: readonly string[]
}

export async function withRegistry<T>(work: (registry: Registry) => Promise<T>): Promise<T> {
  const storage = await mkdtemp(join(tmpdir(), 'damselfly-registry-'))
  const server = await RegistryServer.start({ storage })
  try {
    const push = new RegistryPush(server.authority, REPOSITORY)
    const lengths = { large: 0, many: 0, quarter: 0 }
    for (const name of Object.keys(IMAGES) as ImageName[]) {
      const image = createImage(IMAGES[name])
      await pushImage(push, name, image)
      lengths[name] = [image.config, ...image.layers].reduce((sum, { bytes }) => sum + bytes.length, 0)
    }
    return await work({ server, push, storage, lengths, smallBlobs: await pushBlobs(push, SMALL_BLOBS, SMALL_LENGTH) })
  } finally {
    await server.stop()
    await rm(storage, { recursive: true, force: true })
  }
}

/** A new supernode and two new daemons, all with empty stores. */
export async function withDaemons({ withLab, programs }: BenchContext, registry: Registry, work: (setting: Setting) => Promise<void>): Promise<void> {
  const coldBlobs = await pushBlobs(registry.push, COLD_BLOBS, COLD_LENGTH)
  await withLab(async (lab) => {
    const supernode = await lab.supernode()
    // The registry is asked for each tag, so that nothing is won by remembering.
    const config = { mirror: { port: 0, tagMemory: '0' } }
    const daemon = (name: string): Promise<Daemon> => lab.daemon(name, { supernodes: [supernode.address], config })
    const [cold, second] = [await daemon('cold'), await daemon('second')]
    for (const one of [cold, second]) await writeFile(lab.path(`${one.peerId}.conf`), registriesConf(registry.server.authority, one.mirror))
    await writeFile(lab.path('direct.conf'), registriesConf(registry.server.authority, undefined))
    await work({ ...registry, lab, programs, cold, second, coldBlobs })
  })
}

/** Bytes of blobs that were sent. */
export function bytesOfBlobs(answers: readonly RegistryAnswer[]): number {
  return answers.filter(({ method, path }) => method === 'GET' && path.includes('/blobs/')).reduce((sum, { bytes }) => sum + bytes, 0)
}

/** What makes tools pull from a registry, or through a mirror of it. */
export function registriesConf(registry: string, mirror: string | undefined): string {
  const direct = `[[registry]]\nlocation = "${registry}"\ninsecure = true\n`
  if (mirror === undefined) return direct
  return `${direct}[[registry.mirror]]\nlocation = "${new URL(mirror).host}/${registry.replace(':', '__')}"\ninsecure = true\n`
}

/** Contents that were never there before. @returns their digests */
async function pushBlobs(push: RegistryPush, count: number, length: number): Promise<readonly string[]> {
  const digests: string[] = []
  for (let i = 0; i < count; i++) digests.push((await push.blob(randomBytes(length))).digest)
  return digests
}

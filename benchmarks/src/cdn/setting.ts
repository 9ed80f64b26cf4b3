import { stat, statfs, truncate, writeFile } from 'node:fs/promises'
import { selfSignedCertificate } from '@damselfly/cdn/testing'
import { writeRandomFile, type Nginx, type Supernode } from '@damselfly/test'
import type { BenchContext } from '../bench.ts'
import { Caller } from '../lanes/remote-calls.ts'
import type { References } from '../references/succeed.ts'
import type { HostCalls } from './host.ts'
import type { OriginCalls } from './paced-origin.ts'

export const CHILDREN = 100

const GIB = 1024 ** 3

/** Of the content that is compared with other programs; bytes. */
export const CONTENT_LENGTH: number = GIB

/** A line of 1 Gbit/s, and an origin that gives no connection more than so much; bytes per second. */
const PACE = { line: 1e9 / 8, limited: 40e6 }

/** Of the content of the origin that limits each connection; bytes. */
export const LIMITED_LENGTH: number = 256 * 1024 * 1024

/** Of the content that shows whether memory grows; bytes. */
const LARGE_LENGTH = { default: 3 * GIB, large: 20 * GIB } as const

/** The CDN's copy must fit, and something be left; relative to the content. */
const ROOM = 1.3

/** What servers are asked for before anything counts: one that has just started still compiles what it runs. */
const PRACTICE = { name: 'practice', length: 128 * 1024 * 1024 }

/** What stays over all rounds. */
export interface Origins {
  readonly nginx: Nginx
  /** SHA-256 of its file; hex. */
  readonly digest: string
  /** Counts what it sends. */
  readonly paced: Caller<OriginCalls>
  readonly lineUrl: string
  readonly limitedUrl: string
}

export interface Setting extends References, Origins {
  readonly supernode: Supernode
  readonly host: Caller<HostCalls>
}

export async function withOrigins<T>({ withLab }: BenchContext, work: (origins: Origins) => Promise<T>): Promise<T> {
  return withLab(async (lab) => {
    const nginx = await lab.nginx({ certificate: await selfSignedCertificate() })
    const digest = await writeRandomFile(`${nginx.root}/file`, CONTENT_LENGTH, 1)
    await writeRandomFile(`${nginx.root}/${PRACTICE.name}`, PRACTICE.length, 2)
    const paced = new Caller<OriginCalls>(new URL('paced-origin.ts', import.meta.url))
    try {
      const url = await paced.call('start', { lengths: { line: CONTENT_LENGTH, limited: LIMITED_LENGTH }, pace: PACE })
      return await work({ nginx, digest, paced, lineUrl: `${url}/line`, limitedUrl: `${url}/limited` })
    } finally {
      await paced.stop()
    }
  })
}

/** A new supernode with an empty store, and children that are connected. */
export async function withSupernode({ withLab, programs }: BenchContext, origins: Origins, work: (setting: Setting) => Promise<void>): Promise<void> {
  await withLab(async (lab) => {
    const supernode = await lab.supernode()
    const host = new Caller<HostCalls>(new URL('host.ts', import.meta.url))
    try {
      await host.call('start', { supernode: `${supernode.peerId}@${supernode.address}`, count: CHILDREN })
      const url = origins.nginx.url(PRACTICE.name)
      await host.call('askAlone', { url })
      await host.call('askAll', { url: `${url}?crowd` })
      for (const security of ['plain', 'tls'] as const) await host.call('receive', { url, security, checks: true })
      await work({ ...origins, lab, programs, supernode, host })
    } finally {
      await host.stop()
    }
  })
}

/** Puts a file without bytes beside the other. @returns its length; 0 where its copy would not fit */
export async function writeLargeFile({ large, report }: BenchContext, { nginx }: Origins, name: string): Promise<number> {
  const path = `${nginx.root}/${name}`
  const length = LARGE_LENGTH[large ? 'large' : 'default']
  const { bavail, bsize } = await statfs(nginx.root)
  if (bavail * bsize < length * ROOM) {
    report(`left out the large content: ${length / GIB} GiB do not fit on the disk`)
    return 0
  }
  await writeFile(path, '', { mode: 0o644 })
  await truncate(path, length)
  return (await stat(path)).size
}

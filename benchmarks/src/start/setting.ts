import type { FaultOrigin } from '@damselfly/cdn/testing'
import type { Daemon, Lab } from '@damselfly/test'
import type { BenchContext } from '../bench.ts'

const PATHS = { kibibyte: '/kibibyte', mebibyte: '/mebibyte' } as const

/** A daemon without a supernode that holds two small files. */
export interface Setting {
  readonly lab: Lab
  readonly daemon: Daemon
  readonly kibibyte: string
  readonly mebibyte: string
  /** Requests that the origin got for the smaller file. */
  readonly originRequests: () => number
}

export async function withSetting<T>({ withLab }: BenchContext, work: (setting: Setting) => Promise<T>): Promise<T> {
  return withLab(async (lab) => {
    const origin = await lab.faultOrigin()
    const kibibyte = origin.add(PATHS.kibibyte, { size: 1024 })
    const mebibyte = origin.add(PATHS.mebibyte, { size: 1024 * 1024 })
    const daemon = await lab.daemon('daemon')
    for (const url of [kibibyte, mebibyte]) await lab.download(url, lab.path('first'), daemon).done()
    return work({ lab, daemon, kibibyte, mebibyte, originRequests: () => requestsFor(origin) })
  })
}

function requestsFor(origin: FaultOrigin): number {
  const { gets, heads } = origin.stats(PATHS.kibibyte)
  return gets + heads
}

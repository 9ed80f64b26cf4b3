import { Agent, request } from 'node:http'
import { text } from 'node:stream/consumers'
import { median } from '../figure.ts'
import type { Setting } from './setting.ts'

/** Downloads that are measured, after as many that warm up. */
const DOWNLOADS = 3000

/** Callers at once, each on a connection that it keeps. */
const CALLERS = 4

/** One run of many downloads over the daemon's socket. */
export interface ApiLoad {
  readonly perSecond: number
  /** Of one download; milliseconds. */
  readonly median: number
  /** What the origin was asked meanwhile, for each second. */
  readonly originRequestsPerSecond: number
}

/** Asks the daemon for what it holds as fast as it answers. */
export async function apiLoad({ daemon, kibibyte, originRequests }: Setting): Promise<ApiLoad> {
  const agent = new Agent({ keepAlive: true, maxSockets: CALLERS })
  const download = async (): Promise<void> => downloadOnce(agent, daemon.socket, kibibyte)
  try {
    await repeat(download)
    const requestsBefore = originRequests()
    const startedAt = performance.now()
    const times = await repeat(download)
    const seconds = (performance.now() - startedAt) / 1000
    const originRequestsPerSecond = (originRequests() - requestsBefore) / seconds
    return { perSecond: DOWNLOADS / seconds, median: median(times), originRequestsPerSecond }
  } finally {
    agent.destroy()
  }
}

/** @returns how long each took; milliseconds */
async function repeat(download: () => Promise<void>): Promise<readonly number[]> {
  const times: number[] = []
  let left = DOWNLOADS
  const caller = async (): Promise<void> => {
    while (left-- > 0) {
      const startedAt = performance.now()
      await download()
      times.push(performance.now() - startedAt)
    }
  }
  await Promise.all(Array.from({ length: CALLERS }, caller))
  return times
}

async function downloadOnce(agent: Agent, socketPath: string, url: string): Promise<void> {
  const headers = { 'content-type': 'application/json' }
  const asked = request({ agent, socketPath, method: 'POST', path: '/api/v1/downloads', headers })
  const answer = new Promise<string>((resolve, reject) => {
    asked.once('response', (response) => void text(response).then(resolve, reject))
    asked.once('error', reject)
  })
  asked.end(JSON.stringify({ url, keep: 'none' }))
  const lines = await answer
  if (!lines.includes('"type":"done"')) throw new Error(`the daemon answered ${lines}`)
}

import { describe, readyLine, type Program } from '@damselfly/test'
import type { Setting } from './setting.ts'

/** One start: of a process until its end, of a server until it is ready. */
export interface Start {
  /** Seconds. */
  readonly wall: number
}

export async function bareNode({ lab }: Setting): Promise<Start> {
  return untilEnd(() => lab.program('node', process.execPath, ['-e', '0']))
}

export async function version({ lab }: Setting): Promise<Start> {
  return untilEnd(() => lab.dfget(['--version']))
}

export async function kibibyte({ lab, daemon, kibibyte: url }: Setting): Promise<Start> {
  return untilEnd(() => lab.dfget([url, '-o', lab.path('kibibyte'), '--socket', daemon.socket]))
}

export async function mebibyte({ lab, daemon, mebibyte: url }: Setting): Promise<Start> {
  return untilEnd(() => lab.dfget([url, '-o', lab.path('mebibyte'), '--socket', daemon.socket]))
}

export async function alone({ lab, kibibyte: url }: Setting): Promise<Start> {
  return untilEnd(() => lab.dfget([url, '-o', lab.path('alone'), '--no-daemon']))
}

export async function daemonStart({ lab }: Setting): Promise<Start> {
  const place = ['--data-dir', lab.path('another'), '--socket', lab.path('another.sock')]
  return untilReady(() => lab.own('dfdaemon', place))
}

export async function supernodeStart({ lab }: Setting): Promise<Start> {
  const anyPort = ['DIRECT_PORT', 'LIBP2P_PORT', 'PLAIN_PORT'].map((name) => [`DAMSELFLY_SUPERNODE_LISTEN_${name}`, '0'])
  const env = { ...Object.fromEntries(anyPort), DAMSELFLY_SUPERNODE_MANAGEMENT_PORT: '0' } as NodeJS.ProcessEnv
  return untilReady(() => lab.own('supernode', ['--data-dir', lab.path('another-supernode')], { env }))
}

async function untilEnd(start: () => Program): Promise<Start> {
  const startedAt = performance.now()
  const program = start()
  const exit = await program.exited
  if (exit.code !== 0) throw new Error(`${program.name} ended with ${describe(exit)}`)
  return { wall: (performance.now() - startedAt) / 1000 }
}

async function untilReady(start: () => Program): Promise<Start> {
  const startedAt = performance.now()
  const program = start()
  await program.line(readyLine)
  const wall = (performance.now() - startedAt) / 1000
  await program.stop()
  return { wall }
}

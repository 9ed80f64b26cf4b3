import { readFile } from 'node:fs/promises'

/** Bytes of a running process that are in memory now. Linux only. */
export async function residentMemory(pid: number): Promise<number> {
  return memoryOf(pid, 'VmRSS')
}

/** The most that it has had there so far; bytes. Linux only. */
export async function peakMemory(pid: number): Promise<number> {
  return memoryOf(pid, 'VmHWM')
}

async function memoryOf(pid: number, name: string): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(new RegExp(String.raw`^${name}:\s*(\d+) kB$`, 'm').exec(status)?.[1] ?? Number.NaN) * 1024
}

import { readFile } from 'node:fs/promises'

/** The kernel counts CPU time in these; seconds. `getconf CLK_TCK` is 100 on every Linux in use. */
const TICK = 0.01

/** CPU-seconds, user and system, that a running process has used so far. Linux only. */
export async function cpuTimeOf(pid: number): Promise<number> {
  const fields = await statFields(String(pid))
  return ticks(fields, 11) + ticks(fields, 12)
}

/** CPU-seconds of all children of this process that have ended and been waited for. Linux only. */
export async function cpuTimeOfEndedChildren(): Promise<number> {
  const fields = await statFields('self')
  return ticks(fields, 13) + ticks(fields, 14)
}

/** The fields of `/proc/PID/stat` from the third on: the second, a name, may contain spaces. */
async function statFields(pid: string): Promise<readonly string[]> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8')
  return text.slice(text.lastIndexOf(')') + 2).split(' ')
}

function ticks(fields: readonly string[], index: number): number {
  return Number(fields[index]) * TICK
}

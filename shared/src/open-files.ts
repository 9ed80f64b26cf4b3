import { readFile } from 'node:fs/promises'

/**
 * How many files and connections this process may have open. Node.js has raised the limit as far as it may.
 *
 * @returns undefined where the system does not tell, which is everywhere but on Linux; Infinity for no limit
 */
export async function openFileLimit(): Promise<number | undefined> {
  const limits = await readFile('/proc/self/limits', 'utf8').catch(() => '')
  const allowed = /^Max open files\s+(\d+|unlimited)/m.exec(limits)?.[1]
  if (allowed === undefined) return undefined
  return allowed === 'unlimited' ? Number.POSITIVE_INFINITY : Number(allowed)
}

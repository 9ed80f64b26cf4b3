import { existsSync, readFileSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { BenchResult } from './figure.ts'

const FOLDER = join(import.meta.dirname, '../results')

/** A result with the circumstances of its measurement. */
export interface SavedResult extends BenchResult {
  /** When it began; ISO 8601, UTC. */
  readonly measuredAt: string
  /** How long it took; seconds. */
  readonly seconds: number
  /** How many processes wanted a core over the minute before it began. */
  readonly loadBefore: number
  /** The version of each program of others that took part. */
  readonly programs: Readonly<Record<string, string>>
}

/** The saved result of a benchmark, if there is one. */
export function savedResult(bench: string): SavedResult | undefined {
  const path = fileOf(bench)
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as SavedResult) : undefined
}

/** @returns the path that it was written to */
export async function saveResult(result: SavedResult): Promise<string> {
  await mkdir(FOLDER, { recursive: true })
  const path = fileOf(result.bench)
  await writeFile(path, `${JSON.stringify(result, null, 2)}\n`)
  return path
}

function fileOf(bench: string): string {
  return join(FOLDER, `${bench}.json`)
}

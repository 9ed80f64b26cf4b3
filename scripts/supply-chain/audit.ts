import { spawnSync } from 'node:child_process'
import * as z from 'zod'
import { AUDIT_EXCEPTIONS, type AuditException } from './exceptions.ts'

const TIME_LIMIT = 60_000

const report = z.object({
  vulnerabilities: z.record(z.string(), z.object({ via: z.array(z.union([z.string(), z.object({ url: z.string(), title: z.string(), severity: z.string() })])) })),
})

/** A known hole in one of the packages. */
export interface Advisory {
  readonly id: string
  readonly name: string
  readonly title: string
  readonly severity: string
}

export type AuditOutcome =
  | { readonly type: 'answered'; readonly advisories: readonly Advisory[] }
  /** The registry cannot be reached, or does not tell. */
  | { readonly type: 'unknown'; readonly why: string }

/** Asks the registry for known holes in everything that the lock file names. */
export function audit(root: string): AuditOutcome {
  const { stdout, stderr, error } = spawnSync('npm', ['audit', '--json'], { cwd: root, encoding: 'utf8', timeout: TIME_LIMIT, maxBuffer: 64 * 1024 * 1024 })
  if (error !== undefined) return { type: 'unknown', why: error.message }
  const found = readAudit(stdout)
  return found === undefined ? { type: 'unknown', why: /^npm error (.+)$/m.exec(stderr)?.[1] ?? 'npm gave no report' } : { type: 'answered', advisories: found }
}

/** Prints known holes that are not explained. It informs only: one that was found today is no fault of the change under test. */
export function reportAudit(root: string, today: string): void {
  const outcome = audit(root)
  const says = outcome.type === 'unknown' ? `skipped: the registry did not tell (${outcome.why})` : `${outcome.advisories.length} known holes`
  const problems = outcome.type === 'unknown' ? [] : auditProblems(outcome.advisories, AUDIT_EXCEPTIONS, today)
  process.stdout.write(`\nAudit of the packages; this informs only: ${says}\n${problems.map((line) => `  ${line}\n`).join('')}`)
}

/** @returns undefined if it is no report of `npm audit` */
export function readAudit(text: string): readonly Advisory[] | undefined {
  const read = report.safeParse(parsed(text))
  if (!read.success) return undefined
  const all = Object.entries(read.data.vulnerabilities).flatMap(([name, { via }]) =>
    via.filter((one) => typeof one !== 'string').map(({ url, title, severity }) => ({ id: url.slice(url.lastIndexOf('/') + 1), name, title, severity })),
  )
  return Array.from(new Map(all.map((advisory) => [advisory.id, advisory])).values())
}

/** @param today `2026-11-30` @returns what is neither mended nor explained, and explanations that do not count any more, a line each */
export function auditProblems(advisories: readonly Advisory[], exceptions: readonly AuditException[], today: string): readonly string[] {
  return [
    ...advisories
      .filter(({ id }) => !exceptions.some(({ advisory }) => advisory === id))
      .map(({ id, name, title, severity }) => `${name} has a known hole (${severity}): ${title} (${id})`),
    ...exceptions.filter(({ expires }) => expires <= today).map(({ advisory, expires }) => `the exception for ${advisory} expired on ${expires}`),
    ...exceptions.filter(({ advisory }) => !advisories.some(({ id }) => id === advisory)).map(({ advisory }) => `the exception for ${advisory} is needed no more`),
  ]
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

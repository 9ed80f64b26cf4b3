import { PROGRAMS } from '../bundling/ensure-bundles.ts'
import { audit, auditProblems } from './audit.ts'
import { AUDIT_EXCEPTIONS, LICENCE_EXCEPTIONS } from './exceptions.ts'
import { licenceProblems, licencesOf } from './licences.ts'
import { foreignPackages, lockProblems, readLockFile } from './lock-file.ts'
import { productionPackages } from './production.ts'

/** What became of one question about where our packages come from. */
export interface SupplyCheck {
  readonly name: string
  /** A line each; empty: it holds. */
  readonly problems: readonly string[]
  /** What was looked at, or why nothing could be. */
  readonly says: string
  readonly skipped: boolean
}

/** @param asksRegistry for known holes, which needs a network @param today `2026-11-30` */
export function checkSupplyChain(root: string, asksRegistry: boolean, today: string): readonly SupplyCheck[] {
  const lock = readLockFile(root)
  const packages = productionPackages(root, lock, PROGRAMS)
  return [
    { name: 'lock file', problems: lockProblems(lock), says: `${foreignPackages(lock).length} packages with a SHA-512`, skipped: false },
    { name: 'licences', problems: licenceProblems(licencesOf(root, packages), LICENCE_EXCEPTIONS), says: `${packages.length} packages that the programs run with`, skipped: false },
    ...(asksRegistry ? [checkAudit(root, today)] : []),
  ]
}

function checkAudit(root: string, today: string): SupplyCheck {
  const outcome = audit(root)
  if (outcome.type === 'unknown') return { name: 'audit', problems: [], says: `the registry did not tell (${outcome.why})`, skipped: true }
  const { advisories } = outcome
  return { name: 'audit', problems: auditProblems(advisories, AUDIT_EXCEPTIONS, today), says: `${advisories.length} known holes, ${AUDIT_EXCEPTIONS.length} exceptions`, skipped: false }
}

/** A known hole in a package that we use all the same. */
export interface AuditException {
  /** As in the advisory's address: `GHSA-...`. */
  readonly advisory: string
  /** Why it does not reach us. */
  readonly why: string
  /** The first day on which it does not count any more: `2027-01-31`. */
  readonly expires: string
}

/** A licence that is not among the allowed ones. */
export interface LicenceException {
  readonly name: string
  /** As the package names it. */
  readonly licence: string
  readonly why: string
}

export const AUDIT_EXCEPTIONS: readonly AuditException[] = []

export const LICENCE_EXCEPTIONS: readonly LicenceException[] = []

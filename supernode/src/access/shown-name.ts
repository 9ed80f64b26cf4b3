const LONGEST = 100

/** A name that somebody else chose, as logs and the audit log show it: in one line, without what a terminal obeys. */
export function shownName(name: string): string {
  return name.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '?').slice(0, LONGEST)
}

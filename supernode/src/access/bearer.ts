const BEARER = /^Bearer +([\w.~+/-]+=*) *$/i

/** The id in what looks like a token of ours. */
const TOKEN_ID = /^dfly_([0-9a-f]{12})_/

/** The token in a header `Authorization`; undefined: it holds none. */
export function bearerOf(authorization: string | undefined): string | undefined {
  return BEARER.exec(authorization ?? '')?.[1]
}

/** The id that a token claims to have; it proves nothing. */
export function tokenIdOf(text: string | undefined): string | undefined {
  return TOKEN_ID.exec(text ?? '')?.[1]
}

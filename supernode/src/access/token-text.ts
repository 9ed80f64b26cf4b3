import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'

const SECRET_BYTES = 32
/** Join tokens also say whose they are, for the peers; the supernode itself needs no such word. */
const PATTERN = /^dfly_([0-9a-f]{12})_([\w-]{43})(?:\.\w{1,64})?$/

/** What a token says: where its record is, and the secret that proves it. */
export interface TokenWords {
  readonly id: string
  readonly secret: string
}

export function makeSecret(): string {
  return randomBytes(SECRET_BYTES).toString('base64url')
}

/** With a beginning that scanners for leaked secrets can be told of. */
export function formatToken({ id, secret }: TokenWords): string {
  return `dfly_${id}_${secret}`
}

/** Undefined for anything that is no token of a supernode's. */
export function parseToken(text: string): TokenWords | undefined {
  const [, id, secret] = PATTERN.exec(text) ?? []
  return id === undefined || secret === undefined ? undefined : { id, secret }
}

/** @returns in hexadecimal */
export function hashSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('hex')
}

/** Takes the same time for every wrong secret. @param hash as `hashSecret` gives it */
export function provesHash(secret: string, hash: string): boolean {
  return timingSafeEqual(Buffer.from(hashSecret(secret), 'hex'), Buffer.from(hash, 'hex'))
}

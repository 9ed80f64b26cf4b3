/** A SHA-256 digest: 32 bytes. */
export type Sha256 = Uint8Array

export const SHA256_BYTES = 32

const DIGEST_PATTERN = /^sha256:([0-9a-f]{64})$/i

/**
 * Reads a content digest as people write it: `sha256:` and 64 hexadecimal characters.
 *
 * @returns the 32 bytes, or undefined when `text` is anything else.
 */
export function parseDigest(text: string): Sha256 | undefined {
  const hex = DIGEST_PATTERN.exec(text.trim())?.[1]
  return hex === undefined ? undefined : Buffer.from(hex, 'hex')
}

export function formatDigest(digest: Sha256): string {
  return `sha256:${Buffer.from(digest).toString('hex')}`
}

export function digestsEqual(a: Sha256, b: Sha256): boolean {
  return Buffer.compare(a, b) === 0
}

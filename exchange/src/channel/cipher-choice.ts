import { readFile } from 'node:fs/promises'

/** Ciphers of encrypted channels, by the names that settings use. */
export const CIPHERS = ['aes-128-gcm', 'chacha20-poly1305', 'aes-256-gcm'] as const
export type Cipher = (typeof CIPHERS)[number]

/** The only one that Noise has here. */
export const NOISE_CIPHER: Cipher = 'chacha20-poly1305'

/** As TLS 1.3 calls them. */
const SUITES: Readonly<Record<Cipher, string>> = {
  'aes-128-gcm': 'TLS_AES_128_GCM_SHA256',
  'chacha20-poly1305': 'TLS_CHACHA20_POLY1305_SHA256',
  // For whoever forbids the shorter key; costs a sixth more.
  'aes-256-gcm': 'TLS_AES_256_GCM_SHA384',
}

export function isCipher(text: string): text is Cipher {
  return CIPHERS.some((cipher) => cipher === text)
}

/**
 * The TLS 1.3 cipher suites, the cheapest for this machine first: AES where the processor has instructions for it,
 * ChaCha20 where it would have to be computed step by step. Of two machines the one without AES decides.
 *
 * @param allowed at least one
 */
export function cipherSuites(hasAes: boolean, allowed: readonly Cipher[] = CIPHERS): string {
  const cheapestFirst: readonly Cipher[] = hasAes ? CIPHERS : ['chacha20-poly1305', 'aes-128-gcm', 'aes-256-gcm']
  return cheapestFirst.filter((cipher) => allowed.includes(cipher)).map((cipher) => SUITES[cipher]).join(':')
}

/** Whether the processor has instructions for AES; so where the system does not tell. */
export async function processorHasAes(): Promise<boolean> {
  return hasAesFlag(await readFile('/proc/cpuinfo', 'utf8').catch(() => ''))
}

/** @param cpuInfo what Linux says of its processors; empty: unknown */
export function hasAesFlag(cpuInfo: string): boolean {
  const flags = /^(?:flags|features)\s*:(.*)$/im.exec(cpuInfo)?.[1]
  return flags === undefined || /\saes\b/i.test(flags)
}

import { readFile } from 'node:fs/promises'

const AES = 'TLS_AES_128_GCM_SHA256'
const CHACHA = 'TLS_CHACHA20_POLY1305_SHA256'
/** For whoever forbids the shorter key; costs a sixth more. */
const LONG_AES = 'TLS_AES_256_GCM_SHA384'

/**
 * The TLS 1.3 cipher suites, the cheapest for this machine first: AES where the processor has instructions for it,
 * ChaCha20 where it would have to be computed step by step. Of two machines the one without AES decides.
 *
 * @param cpuInfo what Linux says of its processors; empty: unknown
 */
export function cipherSuites(cpuInfo: string): string {
  const flags = /^(?:flags|features)\s*:(.*)$/im.exec(cpuInfo)?.[1]
  const hasAes = flags === undefined || /\saes\b/i.test(flags)
  return (hasAes ? [AES, CHACHA, LONG_AES] : [CHACHA, AES, LONG_AES]).join(':')
}

/** For `cipherSuites`; empty where the system does not tell. */
export async function readCpuInfo(): Promise<string> {
  return await readFile('/proc/cpuinfo', 'utf8').catch(() => '')
}

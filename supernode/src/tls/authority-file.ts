import { createPrivateKey, generateKeyPairSync, X509Certificate, type KeyObject } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { DamselflyError, diskError, replaceFile, systemCode, writeFirst, type Clock } from '@damselfly/shared'
import * as z from 'zod'

/** A CA of this supernode's own, which vouches for its management API. */
export interface Authority {
  readonly key: KeyObject
  /** PEM. */
  readonly certificate: string
  /** SHA-256 of the certificate, as openssl writes it. */
  readonly fingerprint: string
  /** The certificate alone, for those who are to trust it. */
  readonly file: string
}

const DAY_MS = 86_400_000
const YEARS_10 = 3652 * DAY_MS

const fileSchema = z.strictObject({ certificate: z.string(), privateKey: z.string() })
type Stored = z.output<typeof fileSchema>

/** The CA kept in the data directory, for its owner alone; made on first use. @throws DamselflyError DISK_DENIED, DISK_FULL, DISK_FAILED */
export async function loadAuthority(dataDir: string, clock: Clock): Promise<Authority> {
  const path = join(dataDir, 'management-ca.json')
  const file = join(dataDir, 'management-ca.pem')
  try {
    const { certificate, privateKey } = (await readStored(path)) ?? (await createStored(path, clock))
    await replaceFile(file, certificate)
    return { key: createPrivateKey(privateKey), certificate, fingerprint: new X509Certificate(certificate).fingerprint256, file }
  } catch (error) {
    throw diskError(error, `read or create the CA ${path}`)
  }
}

async function createStored(path: string, clock: Clock): Promise<Stored> {
  // Loading this takes about 90 ms; only whoever makes certificates pays for it.
  const { createAuthorityCertificate } = await import('./certificates.ts')
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const validity = { notBefore: new Date(clock.wallTime() - DAY_MS), notAfter: new Date(clock.wallTime() + YEARS_10) }
  const certificate = await createAuthorityCertificate(privateKey, `Damselfly supernode CA of ${hostname()}`.slice(0, 64), validity)
  await writeFirst(path, JSON.stringify({ certificate, privateKey: privateKey.export({ format: 'pem', type: 'pkcs8' }) }, null, 2))
  const stored = await readStored(path)
  if (stored === undefined) throw new DamselflyError('DISK_FAILED', `the CA ${path} vanished while it was created`)
  return stored
}

async function readStored(path: string): Promise<Stored | undefined> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  }
  try {
    const stored = fileSchema.parse(JSON.parse(text))
    if (!new X509Certificate(stored.certificate).checkPrivateKey(createPrivateKey(stored.privateKey))) throw new Error('its key is another one')
    return stored
  } catch (error) {
    throw new DamselflyError('DISK_FAILED', `${path} does not hold a CA; move it away to get a new one`, { cause: error })
  }
}

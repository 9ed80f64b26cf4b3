import { createPrivateKey, generateKeyPairSync, X509Certificate, type KeyObject } from 'node:crypto'
import { hostname } from 'node:os'
import { DamselflyError, diskError, readIfThere, writeFirst, type Clock } from '@damselfly/shared'
import * as z from 'zod'
import type { CertifiedServer, NameConstraints, Validity } from './certificates.ts'

/** A CA of a program's own. */
export interface Authority {
  readonly key: KeyObject
  /** PEM. */
  readonly certificate: string
  /** Undefined: it vouches for servers of any name. */
  readonly constraints: NameConstraints | undefined
}

export interface NewAuthority {
  /** What it is; the machine's name is added. */
  readonly name: string
  readonly constraints?: NameConstraints | undefined
}

const DAY_MS = 86_400_000
const YEARS_10 = 3652 * DAY_MS
/** Longer names are not allowed in certificates. */
const LONGEST_NAME = 64

const fileSchema = z.strictObject({
  certificate: z.string(),
  privateKey: z.string(),
  /** Null: none. */
  constraints: z.strictObject({ domains: z.array(z.string()), addresses: z.array(z.string()) }).nullable(),
})

type Stored = z.output<typeof fileSchema>

/** The CA kept at `path`, a file for its owner alone; made on first use. @throws DamselflyError DISK_DENIED, DISK_FULL, DISK_FAILED */
export async function keptAuthority(path: string, wanted: NewAuthority, clock: Clock): Promise<Authority> {
  try {
    const { certificate, privateKey, constraints } = (await readStored(path)) ?? (await createStored(path, wanted, clock))
    return { key: createPrivateKey(privateKey), certificate, constraints: constraints ?? undefined }
  } catch (error) {
    throw diskError(error, `read or create the CA ${path}`)
  }
}

/** Of a server for which the authority vouches, from a day ago on. @param lifetime milliseconds @returns PEM */
export async function serverCertificate(server: CertifiedServer, authority: Pick<Authority, 'key' | 'certificate'>, now: number, lifetime: number): Promise<string> {
  const { createServerCertificate } = await import('./certificates.ts')
  return createServerCertificate(server, authority, validityOf(now, lifetime))
}

async function createStored(path: string, { name, constraints }: NewAuthority, clock: Clock): Promise<Stored> {
  // Loading this takes about 90 ms; only whoever makes certificates pays for it.
  const { createAuthorityCertificate } = await import('./certificates.ts')
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const certificate = await createAuthorityCertificate(privateKey, `${name} of ${hostname()}`.slice(0, LONGEST_NAME), validityOf(clock.wallTime(), YEARS_10), constraints)
  const made = { certificate, privateKey: privateKey.export({ format: 'pem', type: 'pkcs8' }), constraints: constraints ?? null }
  await writeFirst(path, JSON.stringify(made, null, 2))
  const stored = await readStored(path)
  if (stored === undefined) throw new DamselflyError('DISK_FAILED', `the CA ${path} vanished while it was created`)
  return stored
}

async function readStored(path: string): Promise<Stored | undefined> {
  const text = await readIfThere(path)
  if (text === undefined) return undefined
  try {
    const stored = fileSchema.parse(JSON.parse(text))
    if (!new X509Certificate(stored.certificate).checkPrivateKey(createPrivateKey(stored.privateKey))) throw new Error('its key is another one')
    return stored
  } catch (error) {
    throw new DamselflyError('DISK_FAILED', `${path} does not hold a CA; move it away to get a new one`, { cause: error })
  }
}

/** A day earlier, for clocks that are late. */
function validityOf(now: number, lifetime: number): Validity {
  return { notBefore: new Date(now - DAY_MS), notAfter: new Date(now + lifetime) }
}

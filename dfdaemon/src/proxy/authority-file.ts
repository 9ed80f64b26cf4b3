import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { DamselflyError, diskError, systemCode, writeFirst, type Clock } from '@damselfly/shared'
import * as z from 'zod'
import { covers, nameConstraints } from './name-constraints.ts'

/** A CA of this daemon's own, which vouches for hosts in their stead. */
export interface Authority {
  readonly key: KeyObject
  /** PEM. */
  readonly certificate: string
}

/** Within the data directory. */
export const AUTHORITY_FILE = 'proxy-ca.json'

const DAY_MS = 86_400_000
const YEARS_10 = 3652 * DAY_MS

const fileSchema = z.strictObject({
  certificate: z.string(),
  privateKey: z.string(),
  /** Null: no constraints. */
  constraints: z.strictObject({ domains: z.array(z.string()), addresses: z.array(z.string()) }).nullable(),
})

/**
 * The CA kept at `path`, a file for its owner alone; made on first use, for these hosts and no others where that can be told.
 *
 * @throws DamselflyError DISK_DENIED, DISK_FULL, DISK_FAILED; CONFIG_INVALID when the CA was made for other hosts
 */
export async function loadAuthority(path: string, hosts: readonly string[], clock: Clock): Promise<Authority> {
  const wanted = nameConstraints(hosts)
  try {
    const stored = (await readStored(path)) ?? (await createStored(path, hosts, clock))
    if (!covers(stored.constraints ?? undefined, wanted)) {
      const made = [...(stored.constraints?.domains ?? []), ...(stored.constraints?.addresses ?? [])].join(', ')
      const message = `proxy.registries, proxy.intercept: the CA in ${path} is for ${made || 'no host'} alone; move it away to get one for ${hosts.join(', ')}, and install that`
      throw new DamselflyError('CONFIG_INVALID', message)
    }
    return { key: createPrivateKey(stored.privateKey), certificate: stored.certificate }
  } catch (error) {
    if (error instanceof DamselflyError) throw error
    throw diskError(error, `read or create the CA ${path}`)
  }
}

async function createStored(path: string, hosts: readonly string[], clock: Clock): Promise<z.output<typeof fileSchema>> {
  // Loading this takes about 90 ms; only whoever makes certificates pays for it.
  const { createAuthorityCertificate } = await import('./certificates.ts')
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const constraints = nameConstraints(hosts)
  const validity = { notBefore: new Date(clock.wallTime() - DAY_MS), notAfter: new Date(clock.wallTime() + YEARS_10) }
  const certificate = await createAuthorityCertificate(privateKey, `Damselfly proxy CA of ${hostname()}`.slice(0, 64), constraints, validity)
  const made = { certificate, privateKey: privateKey.export({ format: 'pem', type: 'pkcs8' }), constraints: constraints ?? null }
  await writeFirst(path, JSON.stringify(made, null, 2))
  const stored = await readStored(path)
  if (stored === undefined) throw new DamselflyError('DISK_FAILED', `the CA ${path} vanished while it was created`)
  return stored
}

async function readStored(path: string): Promise<z.output<typeof fileSchema> | undefined> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  }
  try {
    return fileSchema.parse(JSON.parse(text))
  } catch (error) {
    throw new DamselflyError('DISK_FAILED', `${path} does not hold a CA; move it away to get a new one`, { cause: error })
  }
}

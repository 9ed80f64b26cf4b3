// oxlint-disable-next-line import/no-unassigned-import -- the generator needs it to be there, and loads it nowhere itself
import 'reflect-metadata'
import { createPublicKey, generateKeyPairSync, webcrypto, type KeyObject } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { keptAuthority, serverCertificate as certifiedServer, type Authority } from '@damselfly/exchange/authority'
import { systemClock } from '@damselfly/shared'
import { X509Certificate, X509CertificateGenerator } from '@peculiar/x509'

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
const DAY_MS = 86_400_000

export type TestAuthority = Authority

/** PEM. */
export interface TestCertificate {
  readonly cert: string
  readonly key: string
}

const newKey = (): KeyObject => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
const validity = (days = 1): { notBefore: Date; notAfter: Date } => ({ notBefore: new Date(Date.now() - DAY_MS), notAfter: new Date(Date.now() + days * DAY_MS) })
const pemOf = (key: KeyObject): string => key.export({ format: 'pem', type: 'pkcs8' })

export async function testAuthority(name = 'test CA'): Promise<TestAuthority> {
  const directory = await mkdtemp(join(tmpdir(), 'damselfly-ca-'))
  try {
    return await keptAuthority(join(directory, 'ca.json'), { name }, systemClock)
  } finally {
    await rm(directory, { recursive: true })
  }
}

export async function serverCertificate(authority: TestAuthority, names: readonly string[] = ['127.0.0.1']): Promise<TestCertificate> {
  const key = newKey()
  return { cert: await certifiedServer({ names, organization: 'test', key }, authority, Date.now(), DAY_MS), key: pemOf(key) }
}

export async function clientCertificate({ key: signingKey, certificate }: TestAuthority, subject: Record<string, string[]>[], days = 1): Promise<TestCertificate> {
  const key = newKey()
  const cert = await X509CertificateGenerator.create(
    {
      ...validity(days),
      serialNumber: '02',
      subject,
      issuer: new X509Certificate(certificate).subjectName,
      publicKey: createPublicKey(key).toCryptoKey(ALGORITHM, true, ['verify']),
      signingKey: signingKey.toCryptoKey(ALGORITHM, true, ['sign']),
      signingAlgorithm: ALGORITHM,
    },
    webcrypto,
  )
  return { cert: cert.toString('pem'), key: pemOf(key) }
}

import { createPublicKey, type KeyObject, type X509Certificate } from 'node:crypto'
import type { PeerId } from '@damselfly/shared'
import type { Identity } from './identity.ts'
import { peerIdFromPublicKey } from './peer-id.ts'
import { privateKeyObject } from './private-key.ts'

/** What node:tls needs to show an identity. PEM texts. */
export interface IdentityCertificate {
  readonly certificate: string
  readonly privateKey: string
}

// Nobody reads the dates: the key alone counts, and it is for as long as the identity is.
const NOT_BEFORE = new Date('2020-01-01T00:00:00Z')
const NOT_AFTER = new Date('9999-12-31T23:59:59Z')

/** A self-signed X.509 certificate whose key is the identity key itself. */
export async function createIdentityCertificate(identity: Identity): Promise<IdentityCertificate> {
  // Loading this takes about 90 ms; only whoever opens a direct channel pays for it.
  const { X509CertificateGenerator } = await import('./certificate-generator.ts')
  const key = privateKeyObject(identity.privateKeyProtobuf)
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: '01',
    name: `CN=${identity.peerId}`,
    notBefore: NOT_BEFORE,
    notAfter: NOT_AFTER,
    signingAlgorithm: { name: 'Ed25519' },
    keys: {
      privateKey: key.toCryptoKey('Ed25519', true, ['sign']),
      publicKey: createPublicKey(key).toCryptoKey('Ed25519', true, ['verify']),
    },
  })
  return {
    certificate: certificate.toString('pem'),
    privateKey: key.export({ format: 'pem', type: 'pkcs8' }),
  }
}

/** The PeerId that a certificate's key stands for; undefined when it is not an Ed25519 key. */
export function peerIdOfCertificate(certificate: X509Certificate): PeerId | undefined {
  const key: KeyObject = certificate.publicKey
  if (key.asymmetricKeyType !== 'ed25519') return undefined
  return peerIdFromPublicKey(Buffer.from(key.export({ format: 'jwk' }).x ?? '', 'base64url'))
}

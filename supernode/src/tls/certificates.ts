// oxlint-disable-next-line import/no-unassigned-import -- the generator needs it to be there, and loads it nowhere itself
import 'reflect-metadata'
import { createPublicKey, randomBytes, webcrypto, type KeyObject } from 'node:crypto'
import { isIP } from 'node:net'
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509'

export interface Validity {
  readonly notBefore: Date
  readonly notAfter: Date
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }

/** A CA that vouches for servers, and for no other CAs. @returns PEM */
export async function createAuthorityCertificate(key: KeyObject, name: string, validity: Validity): Promise<string> {
  const keys = cryptoKeys(key)
  const certificate = await X509CertificateGenerator.createSelfSigned(
    {
      ...validity,
      serialNumber: serialNumber(),
      name: [{ CN: [name] }],
      signingAlgorithm: ALGORITHM,
      keys,
      extensions: [
        new BasicConstraintsExtension(true, 0, true),
        new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
        await SubjectKeyIdentifierExtension.create(keys.publicKey, false, webcrypto),
      ],
    },
    webcrypto,
  )
  return certificate.toString('pem')
}

/** @param names host names and addresses @returns PEM */
export async function createServerCertificate(
  names: readonly string[],
  key: KeyObject,
  authority: { readonly key: KeyObject; readonly certificate: string },
  validity: Validity,
): Promise<string> {
  const issuer = new X509Certificate(authority.certificate)
  const certificate = await X509CertificateGenerator.create(
    {
      ...validity,
      serialNumber: serialNumber(),
      // Without a common name, which old programs would take for a host.
      subject: [{ O: ['Damselfly supernode'] }],
      issuer: issuer.subjectName,
      publicKey: cryptoKeys(key).publicKey,
      signingKey: cryptoKeys(authority.key).privateKey,
      signingAlgorithm: ALGORITHM,
      extensions: [
        new BasicConstraintsExtension(false, undefined, true),
        new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
        new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
        new SubjectAlternativeNameExtension(names.map((value) => ({ type: isIP(value) === 0 ? 'dns' : 'ip', value }))),
        await AuthorityKeyIdentifierExtension.create(issuer.publicKey, false, webcrypto),
      ],
    },
    webcrypto,
  )
  return certificate.toString('pem')
}

function cryptoKeys(key: KeyObject): { readonly privateKey: webcrypto.CryptoKey; readonly publicKey: webcrypto.CryptoKey } {
  return { privateKey: key.toCryptoKey(ALGORITHM, true, ['sign']), publicKey: createPublicKey(key).toCryptoKey(ALGORITHM, true, ['verify']) }
}

/** Positive, as the standard wants it. */
function serialNumber(): string {
  return `01${randomBytes(15).toString('hex')}`
}

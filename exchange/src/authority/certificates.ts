// oxlint-disable-next-line import/no-unassigned-import -- the generator needs it to be there, and loads it nowhere itself
import 'reflect-metadata'
import { createPublicKey, randomBytes, webcrypto, type KeyObject } from 'node:crypto'
import { isIP } from 'node:net'
import { AsnConvert } from '@peculiar/asn1-schema'
import { GeneralName, GeneralSubtree, GeneralSubtrees, id_ce_nameConstraints, NameConstraints as Constraints } from '@peculiar/asn1-x509'
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509'

/** For which hosts a CA may vouch. */
export interface NameConstraints {
  /** Domains with all that lies below them, in order. */
  readonly domains: readonly string[]
  /** Addresses, in order. */
  readonly addresses: readonly string[]
}

export interface Validity {
  readonly notBefore: Date
  readonly notAfter: Date
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }

/** A CA that vouches for servers, and for no other CAs. @param constraints undefined: for servers of any name @returns PEM */
export async function createAuthorityCertificate(key: KeyObject, name: string, validity: Validity, constraints?: NameConstraints): Promise<string> {
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
        ...(constraints === undefined ? [] : [constraintsExtension(constraints)]),
      ],
    },
    webcrypto,
  )
  return certificate.toString('pem')
}

export interface CertifiedServer {
  /** Host names and addresses. */
  readonly names: readonly string[]
  /** What runs there. */
  readonly organization: string
  readonly key: KeyObject
}

/** @returns PEM */
export async function createServerCertificate(
  { names, organization, key }: CertifiedServer,
  authority: { readonly key: KeyObject; readonly certificate: string },
  validity: Validity,
): Promise<string> {
  const issuer = new X509Certificate(authority.certificate)
  const certificate = await X509CertificateGenerator.create(
    {
      ...validity,
      serialNumber: serialNumber(),
      // Without a common name, which old programs would take for a host.
      subject: [{ O: [organization] }],
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

/** Of a kind of name that none is permitted of, all are excluded: what is not mentioned would be free. */
function constraintsExtension({ domains, addresses }: NameConstraints): Extension {
  const everyAddress = ['0.0.0.0/0', '::/0'].map((iPAddress) => ({ iPAddress }))
  const permitted = [...domains.map((dNSName) => ({ dNSName })), ...addresses.map((address) => ({ iPAddress: `${address}/${isIP(address) === 6 ? 128 : 32}` }))]
  const excluded = [...(domains.length === 0 ? [{ dNSName: '' }] : []), ...(addresses.length === 0 ? everyAddress : [])]
  const constraints = new Constraints({
    ...(permitted.length === 0 ? {} : { permittedSubtrees: subtrees(permitted) }),
    ...(excluded.length === 0 ? {} : { excludedSubtrees: subtrees(excluded) }),
  })
  return new Extension(id_ce_nameConstraints, true, AsnConvert.serialize(constraints))
}

function subtrees(names: readonly Partial<GeneralName>[]): GeneralSubtrees {
  return new GeneralSubtrees(names.map((name) => new GeneralSubtree({ base: new GeneralName(name) })))
}

function cryptoKeys(key: KeyObject): { readonly privateKey: webcrypto.CryptoKey; readonly publicKey: webcrypto.CryptoKey } {
  return { privateKey: key.toCryptoKey(ALGORITHM, true, ['sign']), publicKey: createPublicKey(key).toCryptoKey(ALGORITHM, true, ['verify']) }
}

/** Positive, as the standard wants it. */
function serialNumber(): string {
  return `01${randomBytes(15).toString('hex')}`
}

import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import { checkServerIdentity, connect, rootCertificates, type ConnectionOptions, type DetailedPeerCertificate } from 'node:tls'
import { DamselflyError, diskError } from '@damselfly/shared'

/** How a supernode's certificate is believed, and what is shown to it. */
export interface TrustSettings {
  /** File with the CA (PEM), which counts alone then. */
  readonly caFile?: string | undefined
  /** SHA-256 of the certificate, or of one that leads to it; in hexadecimal, with or without colons. */
  readonly fingerprint?: string | undefined
  /** Files in PEM with what is shown to a supernode that asks for it. */
  readonly clientCertificate?: string | undefined
  readonly clientKey?: string | undefined
}

/** What `node:tls` is told. */
export type SecureOptions = Pick<ConnectionOptions, 'ca' | 'cert' | 'key' | 'allowPartialTrustChain' | 'checkServerIdentity'>

export interface SecureConnectionInit extends TrustSettings {
  /** Of a supernode on this host, believed beside the usual ones if they are there. */
  readonly localCas: readonly string[]
  /** Milliseconds. */
  readonly patienceMs: number
}

/** @throws DamselflyError CONFIG_INVALID, DISK_DENIED, DISK_FAILED; SUPERNODE_TLS when another certificate is shown than the pinned one */
export async function secureOptions(url: URL, { caFile, fingerprint, clientCertificate, clientKey, localCas, patienceMs }: SecureConnectionInit): Promise<SecureOptions> {
  const shown = clientCertificate === undefined || clientKey === undefined ? {} : { cert: await readPem(clientCertificate), key: await readPem(clientKey) }
  if (fingerprint !== undefined) return { ...shown, ...(await pinned(url, fingerprint, shown, patienceMs)) }
  if (caFile !== undefined) return { ...shown, ca: await readPem(caFile) }
  return localCas.length === 0 ? shown : { ...shown, ca: [...rootCertificates, ...localCas] }
}

/**
 * Looks at what is shown, before anything is sent; what has the fingerprint is the CA of the connection that follows, which
 * proves in the usual way that the server's certificate leads to it and is for this host. Of the server's certificate itself
 * the host does not matter.
 */
async function pinned(url: URL, fingerprint: string, shown: SecureOptions, patienceMs: number): Promise<SecureOptions> {
  const chain = await shownChain(url, shown, patienceMs)
  const wanted = plainFingerprint(fingerprint)
  const found = chain.findIndex(({ fingerprint256 }) => plainFingerprint(fingerprint256) === wanted)
  const certificate = chain[found]
  if (certificate === undefined) {
    const all = chain.map(({ fingerprint256 }) => fingerprint256).join(' and ')
    throw new DamselflyError('SUPERNODE_TLS', `${url.origin} shows certificates with the fingerprints ${all}, not ${fingerprint}`)
  }
  return { ca: certificate.toString(), allowPartialTrustChain: true, checkServerIdentity: found === 0 ? () => undefined : checkServerIdentity }
}

/** The server's certificate first. */
async function shownChain(url: URL, shown: SecureOptions, patienceMs: number): Promise<readonly X509Certificate[]> {
  const host = url.hostname.replaceAll(/[[\]]/g, '')
  const servername = isIP(host) === 0 ? { servername: host } : {}
  const socket = connect({ ...shown, host, port: Number(url.port || 443), ...servername, rejectUnauthorized: false })
  try {
    await once(socket, 'secureConnect', { signal: AbortSignal.timeout(patienceMs) })
    const chain: X509Certificate[] = []
    let next: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true)
    while (next?.raw !== undefined && !chain.some(({ raw }) => raw.equals(next?.raw ?? Buffer.alloc(0)))) {
      chain.push(new X509Certificate(next.raw))
      next = next.issuerCertificate
    }
    return chain
  } finally {
    socket.on('error', () => undefined).destroy()
  }
}

function plainFingerprint(text: string): string {
  return text.replace(/^sha256:/i, '').replaceAll(':', '').toLowerCase()
}

async function readPem(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    throw diskError(error, `read ${path}`)
  }
}

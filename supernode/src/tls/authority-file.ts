import { X509Certificate } from 'node:crypto'
import { join } from 'node:path'
import { diskError, replaceFile, type Clock } from '@damselfly/shared'
import { keptAuthority, type Authority } from '@damselfly/exchange/authority'

/** The CA of this supernode's own, which vouches for its management API. */
export interface ManagementAuthority extends Authority {
  /** SHA-256 of the certificate, as openssl writes it. */
  readonly fingerprint: string
  /** The certificate alone, for those who are to trust it. */
  readonly file: string
}

/** The CA kept in the data directory, for its owner alone; made on first use. @throws DamselflyError DISK_DENIED, DISK_FULL, DISK_FAILED */
export async function loadAuthority(dataDir: string, clock: Clock): Promise<ManagementAuthority> {
  const authority = await keptAuthority(join(dataDir, 'management-ca.json'), { name: 'Damselfly supernode CA' }, clock)
  const file = join(dataDir, 'management-ca.pem')
  await replaceFile(file, authority.certificate).catch((error: unknown) => {
    throw diskError(error, `write ${file}`)
  })
  return { ...authority, fingerprint: new X509Certificate(authority.certificate).fingerprint256, file }
}

import { DamselflyError, type Clock } from '@damselfly/shared'
import { keptAuthority, type Authority } from '@damselfly/exchange/authority'
import { covers, nameConstraints } from './name-constraints.ts'

/** Within the data directory. */
export const AUTHORITY_FILE = 'proxy-ca.json'

/**
 * The CA kept at `path`, which vouches for hosts in their stead; made on first use, for these hosts and no others where that can be told.
 *
 * @throws DamselflyError DISK_DENIED, DISK_FULL, DISK_FAILED; CONFIG_INVALID when the CA was made for other hosts
 */
export async function loadAuthority(path: string, hosts: readonly string[], clock: Clock): Promise<Authority> {
  const constraints = nameConstraints(hosts)
  const authority = await keptAuthority(path, { name: 'Damselfly proxy CA', constraints }, clock)
  if (covers(authority.constraints, constraints)) return authority
  const made = [...(authority.constraints?.domains ?? []), ...(authority.constraints?.addresses ?? [])].join(', ')
  const message = `proxy.registries, proxy.intercept: the CA in ${path} is for ${made || 'no host'} alone; move it away to get one for ${hosts.join(', ')}, and install that`
  throw new DamselflyError('CONFIG_INVALID', message)
}

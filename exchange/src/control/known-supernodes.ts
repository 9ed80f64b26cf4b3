import { DamselflyError, diskError, readIfThere, replaceFile, type PeerId } from '@damselfly/shared'

/** Remembers which identity answered at which address, as ssh does with hosts. */
export interface KnownSupernodes {
  /**
   * Accepts the identity if it is the one seen before at this address, or the first.
   *
   * @throws DamselflyError SUPERNODE_IDENTITY
   */
  check(address: string, peer: PeerId): Promise<void>
  /** Who answered at these addresses before. @throws DamselflyError CONFIG_INVALID, DISK_DENIED, DISK_FAILED */
  seenAt(addresses: readonly string[]): Promise<ReadonlySet<PeerId>>
}

/** @param path a JSON file of addresses and peer ids; written when a new one is seen */
export function knownSupernodesFile(path: string): KnownSupernodes {
  return {
    async seenAt(addresses) {
      const known = await readKnown(path)
      return new Set(addresses.flatMap((address) => (known[address] === undefined ? [] : [known[address] as PeerId])))
    },
    async check(address, peer) {
      const known = await readKnown(path)
      const seen = known[address]
      if (seen === peer) return
      if (seen !== undefined) {
        throw new DamselflyError('SUPERNODE_IDENTITY', `${address} answers as ${peer}, but was ${seen} before (${path})`)
      }
      await replaceFile(path, `${JSON.stringify({ ...known, [address]: peer }, null, 2)}\n`)
    },
  }
}

async function readKnown(path: string): Promise<Record<string, string>> {
  try {
    const text = await readIfThere(path)
    if (text === undefined) return {}
    const content: unknown = JSON.parse(text)
    if (typeof content !== 'object' || content === null || Array.isArray(content)) throw new SyntaxError('not an object')
    return Object.fromEntries(Object.entries(content).map(([address, peer]) => [address, String(peer)]))
  } catch (error) {
    if (error instanceof SyntaxError) {
      throw new DamselflyError('CONFIG_INVALID', `${path} is damaged: delete it to trust the supernodes anew`, { cause: error })
    }
    throw diskError(error, `read ${path}`)
  }
}

import { BlockList, isIP } from 'node:net'

/** Addresses and networks of them, such as `192.0.2.1` and `10.0.0.0/8`. */
export class Networks {
  readonly #list = new BlockList()

  /** @throws Error when one of `texts` is neither */
  constructor(texts: readonly string[]) {
    for (const text of texts) {
      const subnet = subnetOf(text)
      if (subnet === undefined) throw new Error(`'${text}' is no address or network`)
      this.#list.addSubnet(subnet.address, subnet.prefix, subnet.family)
    }
  }

  /** @param address in the form in which addresses are compared */
  has(address: string): boolean {
    const version = isIP(address)
    return version !== 0 && this.#list.check(address, familyOf(version))
  }
}

/** Whether it is an address or a network. */
export function isNetwork(text: string): boolean {
  return subnetOf(text) !== undefined
}

function subnetOf(text: string): { readonly address: string; readonly prefix: number; readonly family: 'ipv4' | 'ipv6' } | undefined {
  const [address = '', length, ...more] = text.split('/')
  const version = isIP(address)
  if (version === 0 || more.length > 0) return undefined
  const longest = version === 6 ? 128 : 32
  if (length !== undefined && (!/^\d{1,3}$/.test(length) || Number(length) > longest)) return undefined
  return { address, prefix: length === undefined ? longest : Number(length), family: familyOf(version) }
}

function familyOf(version: number): 'ipv4' | 'ipv6' {
  return version === 6 ? 'ipv6' : 'ipv4'
}

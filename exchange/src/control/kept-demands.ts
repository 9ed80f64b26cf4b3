import { diskError, readIfThere, replaceFile, type PeerId } from '@damselfly/shared'
import { isPeerId } from '../identity/peer-id.ts'
import { readDemands, type ChannelDemands } from '../lane/security-in-force.ts'

/** What a supernode demanded of its network's channels last. */
export interface ToldDemands {
  readonly supernode: PeerId
  readonly demands: ChannelDemands
}

/** Remembers over restarts what the network demands, so that nobody who keeps the supernode away makes a peer forget it. */
export interface KeptDemands {
  /** Undefined: nothing was told so far, or the file cannot be understood. @throws DamselflyError DISK_DENIED, DISK_FAILED */
  read(): Promise<ToldDemands | undefined>
  /** @throws DamselflyError DISK_FULL, DISK_DENIED, DISK_FAILED */
  keep(told: ToldDemands): Promise<void>
}

/** @param path a JSON file, written when something else is told */
export function keptDemandsFile(path: string): KeptDemands {
  let written = ''
  return {
    async read() {
      const text = await readIfThere(path).catch((error: unknown) => {
        throw diskError(error, `read ${path}`)
      })
      return text === undefined ? undefined : parse(text)
    },
    async keep({ supernode, demands: { security, ciphers = [] } }) {
      const text = `${JSON.stringify({ supernode, security, ciphers })}\n`
      if (text === written) return
      await replaceFile(path, text)
      written = text
    },
  }
}

function parse(text: string): ToldDemands | undefined {
  try {
    const { supernode, security, ciphers } = JSON.parse(text) as Record<string, unknown>
    if (typeof supernode !== 'string' || !isPeerId(supernode) || typeof security !== 'string' || !Array.isArray(ciphers)) return undefined
    return { supernode, demands: readDemands(security, ciphers.map(String)) }
  } catch {
    return undefined
  }
}

import { DamselflyError, diskError, readIfThere, type PeerId } from '@damselfly/shared'
import { isPeerId } from '../identity/peer-id.ts'

/** What opens a supernode's network to a peer that it does not know yet. */
export interface JoinToken {
  /** The whole, as it is shown to the supernode. */
  readonly text: string
  /** Who made it, and who alone may see it; undefined: it does not say. */
  readonly supernode: PeerId | undefined
}

/** Where a peer's token is, if it has one. The token itself goes before the file. */
export interface JoinTokenPlace {
  readonly token?: string | undefined
  /** Read again for each connection, so that a new token needs no new start. It may be gone once the peer was admitted. */
  readonly file?: string | undefined
}

const PATTERN = /^dfly_[0-9a-f]{12}_[\w-]{43}(?:\.(\w+))?$/

/** @throws DamselflyError CONFIG_INVALID */
export function parseJoinToken(given: string): JoinToken {
  const text = given.trim()
  const [whole, supernode] = PATTERN.exec(text) ?? []
  if (whole === undefined || (supernode !== undefined && !isPeerId(supernode))) {
    throw new DamselflyError('CONFIG_INVALID', 'this is no join token; a supernode makes one by `dfget token create NAME --role peer`')
  }
  return { text, supernode }
}

/** Undefined where there is none. @throws DamselflyError CONFIG_INVALID, DISK_DENIED, DISK_FAILED */
export async function readJoinToken({ token, file }: JoinTokenPlace): Promise<JoinToken | undefined> {
  if (token !== undefined) return parseJoinToken(token)
  if (file === undefined) return undefined
  const text = await readIfThere(file).catch((error: unknown) => {
    throw diskError(error, `read the join token in ${file}`)
  })
  return text === undefined ? undefined : parseJoinToken(text)
}

/** What this supernode may be shown. @param supernode as its channel proves it */
export function shownTo(supernode: PeerId, token: JoinToken | undefined): string {
  return token !== undefined && (token.supernode ?? supernode) === supernode ? token.text : ''
}

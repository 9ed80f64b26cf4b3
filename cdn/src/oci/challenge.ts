/** One way in which a server wants to be convinced, of those that WWW-Authenticate names (RFC 9110, 11.6.1). */
export interface Challenge {
  /** In lower case, such as `bearer`. */
  readonly scheme: string
  /** By names in lower case. */
  readonly parameters: ReadonlyMap<string, string>
}

const TOKEN = "[!#$%&'*+.^_`|~\\w-]+"
const SEPARATOR = '[\\s,]*'
const SCHEME = new RegExp(`${SEPARATOR}(${TOKEN})(?=[\\s,]|$)`, 'y')
const PARAMETER = new RegExp(`${SEPARATOR}(${TOKEN})\\s*=\\s*(?:"((?:[^"\\\\]|\\\\.)*)"|(${TOKEN}))`, 'y')

/** Reads as much of a header's value as can be understood. Never throws. */
export function parseChallenges(text: string): readonly Challenge[] {
  const challenges: { scheme: string; parameters: Map<string, string> }[] = []
  let at = 0
  for (;;) {
    // A parameter looks like the scheme of the next challenge up to its equals sign.
    const parameter = matchAt(PARAMETER, text, at)
    const current = challenges.at(-1)
    if (parameter !== undefined && current !== undefined) {
      const [all, name = '', quoted, plain = ''] = parameter
      current.parameters.set(name.toLowerCase(), quoted?.replaceAll(/\\(.)/gs, '$1') ?? plain)
      at += all.length
      continue
    }
    const scheme = matchAt(SCHEME, text, at)
    if (scheme === undefined) return challenges
    challenges.push({ scheme: (scheme[1] ?? '').toLowerCase(), parameters: new Map() })
    at += scheme[0].length
  }
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | undefined {
  pattern.lastIndex = at
  return pattern.exec(text) ?? undefined
}

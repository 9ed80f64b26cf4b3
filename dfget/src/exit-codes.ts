import { ERROR_CODES, EXIT, type ErrorCode } from '@damselfly/shared'

const MEANINGS = {
  ok: 'the content is complete and verified, or the reader of standard output went away',
  failure: 'a defect of dfget',
  usage: 'a wrong argument, setting or URL',
  originRefused: 'the origin does not give the content',
  originUnreachable: 'the origin cannot be reached or sends something wrong',
  integrity: 'the content is not what it should be',
  disk: 'the disk is full, or a file or folder cannot be used',
  timeout: 'the time that --timeout allows is over',
  network: 'no supernode, peer or dfdaemon gives the content',
  interrupted: 'interrupted; run it again to continue',
} as const satisfies Record<keyof typeof EXIT, string>

const WIDTH = 80

/** Every exit code with its meaning and the error codes that lead to it. */
export function exitCodesHelp(): string {
  const kinds = Object.keys(MEANINGS) as (keyof typeof EXIT)[]
  const lines = kinds.map((kind) => {
    const codes = (Object.keys(ERROR_CODES) as ErrorCode[]).filter((code) => ERROR_CODES[code].exit === EXIT[kind])
    return [`${String(EXIT[kind]).padStart(4)}  ${MEANINGS[kind]}`, ...wrapped(codes)].join('\n')
  })
  return `Exit codes:\n${lines.join('\n')}`
}

/** Lines of names that fit the usual width. */
function wrapped(names: readonly string[]): string[] {
  const lines: string[] = []
  for (const name of names) {
    const longer = `${lines.at(-1) ?? ''} ${name}`
    if (lines.length > 0 && longer.length <= WIDTH) lines[lines.length - 1] = longer
    else lines.push(`      ${name}`)
  }
  return lines
}

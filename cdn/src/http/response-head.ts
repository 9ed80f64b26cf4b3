import { LineReader } from './line-reader.ts'
import { ProtocolError } from './protocol-error.ts'

/** Values by names in lower case, in the order of their coming. */
export type ResponseHeaders = ReadonlyMap<string, readonly string[]>

export interface ResponseHead {
  readonly status: number
  readonly isHttp10: boolean
  readonly headers: ResponseHeaders
}

/** More fields than any honest origin sends. */
const MAX_FIELDS = 256

const BEGINNING = 'HTTP/1.'
const STATUS_LINE = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: [\t\x20-\x7e\x80-\xff]*)?$/
const FIELD_NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const FIELD_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/

/** Reads the head of one answer, from bytes that are cut anywhere. */
export class HeadReader {
  readonly #lines = new LineReader()
  readonly #headers = new Map<string, string[]>()
  #left: number
  #fields = 0
  #start: RegExpExecArray | undefined
  #head: ResponseHead | undefined

  /** @param limit of the whole head; bytes */
  constructor(limit: number) {
    this.#left = limit
  }

  /** Known once all of it has come. */
  get head(): ResponseHead | undefined {
    return this.#head
  }

  /**
   * Takes bytes up to the end of the head.
   *
   * @returns how many were taken
   * @throws ProtocolError
   */
  take(bytes: Uint8Array): number {
    let taken = 0
    while (taken < bytes.length && this.#head === undefined) {
      taken += this.#lines.take(bytes.subarray(taken), this.#left)
      const { line } = this.#lines
      if (line === undefined) break
      this.#left -= line.length + 2
      this.#take(line)
    }
    // What cannot become an answer is not waited for.
    if (this.#start === undefined && !beginsLikeAnswer(this.#lines.partial)) throw notHttp(this.#lines.partial)
    return taken
  }

  #take(line: string): void {
    if (this.#start === undefined) {
      this.#start = STATUS_LINE.exec(line) ?? undefined
      if (this.#start === undefined) throw notHttp(line)
    } else if (line === '') {
      this.#head = { status: Number(this.#start[2]), isHttp10: this.#start[1] === '0', headers: this.#headers }
    } else {
      this.#takeField(line)
    }
  }

  #takeField(line: string): void {
    if (++this.#fields > MAX_FIELDS) throw new ProtocolError(`it has more than ${MAX_FIELDS} header fields`)
    const { name, value } = readField(line)
    const values = this.#headers.get(name)
    if (values === undefined) this.#headers.set(name, [value])
    else values.push(value)
  }
}

/** @throws ProtocolError for a line that is no field, or one that continues the line before it */
export function readField(line: string): { readonly name: string; readonly value: string } {
  const colon = line.indexOf(':')
  const name = line.slice(0, Math.max(0, colon))
  const value = line.slice(colon + 1)
  if (!FIELD_NAME.test(name) || !FIELD_VALUE.test(value)) throw new ProtocolError(`${shown(line)} is no header field`)
  return { name: name.toLowerCase(), value: value.replaceAll(/^[\t ]+|[\t ]+$/g, '') }
}

/** The first value, or '' where there is none. */
export function header(headers: ResponseHeaders, name: string): string {
  return headers.get(name)?.[0] ?? ''
}

/** The members of a field that is a list of words, in lower case. */
export function listed(headers: ResponseHeaders, name: string): readonly string[] {
  const members = (headers.get(name) ?? []).flatMap((value) => value.split(','))
  return members.map((member) => member.trim().toLowerCase()).filter((member) => member !== '')
}

function beginsLikeAnswer(text: string): boolean {
  const length = Math.min(text.length, BEGINNING.length)
  return text.slice(0, length) === BEGINNING.slice(0, length)
}

function notHttp(line: string): ProtocolError {
  return new ProtocolError(`it begins with ${shown(line)}`)
}

function shown(line: string): string {
  return JSON.stringify(line.length > 40 ? `${line.slice(0, 40)}…` : line)
}

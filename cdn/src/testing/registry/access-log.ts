/** An answer of a registry, by its own log. */
export interface RegistryAnswer {
  readonly method: string
  /** With the query. */
  readonly path: string
  readonly status: number
  /** Of the body. */
  readonly bytes: number
}

/** @param line of the log, as JSON @returns undefined when it tells something else */
export function answerIn(line: string): RegistryAnswer | undefined {
  if (!line.startsWith('{')) return undefined
  const entry = JSON.parse(line) as Readonly<Record<string, unknown>>
  const status = entry['http.response.status']
  if (entry['msg'] !== 'response completed' || typeof status !== 'number') return undefined
  return {
    method: String(entry['http.request.method']),
    path: String(entry['http.request.uri']),
    status,
    bytes: Number(entry['http.response.written'] ?? 0),
  }
}

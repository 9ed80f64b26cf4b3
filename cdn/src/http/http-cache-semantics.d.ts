/** The part of the library that is used here; it comes without types of its own. */
declare module 'http-cache-semantics' {
  interface Message {
    readonly url?: string
    readonly method?: string
    readonly status?: number
    /** By names in lower case. */
    readonly headers: Readonly<Record<string, string>>
  }

  interface Options {
    readonly shared: boolean
    /** The fraction of a content's age that it counts as fresh where nothing is said. */
    readonly cacheHeuristic: number
    /** Milliseconds. */
    readonly immutableMinTimeToLive: number
  }

  export default class CachePolicy {
    constructor(request: Message, response: Message, options: Options)
    storable(): boolean
    /** Seconds for which the answer is fresh, from when it was made. */
    maxAge(): number
    /** Seconds since it was made. */
    age(): number
  }
}

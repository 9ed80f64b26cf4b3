import type { BackToSourceReason, DownloadProgress } from '@damselfly/dfdaemon'

const MESSAGES: Partial<Record<BackToSourceReason, string>> = {
  'supernode-unreachable': 'the supernode cannot be reached; working without it',
  'supernode-lost': 'the connection to the supernode is lost; working without it',
}

/** What a person should know about how the download goes, said once. */
export class ProgressNotices {
  readonly #notify: (message: string) => void
  #said = false

  constructor(notify: (message: string) => void) {
    this.#notify = notify
  }

  look({ backToSource }: DownloadProgress): void {
    const message = backToSource === undefined ? undefined : MESSAGES[backToSource]
    if (this.#said || message === undefined) return
    this.#said = true
    this.#notify(message)
  }
}

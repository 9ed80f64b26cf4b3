/** What a server shows, and what it wants to be shown; PEM texts. */
export interface KeyMaterial {
  /** The certificate, and those that lead from it to the CA. */
  readonly cert: string
  readonly key: string
  /** Whose client certificates are believed; undefined: none are asked for. */
  readonly ca: string | undefined
}

/** Where it comes from. */
export interface KeySource {
  /** Grows when there is something new to read; cheap to ask. */
  version(): Promise<string>
  /** @throws DamselflyError CONFIG_INVALID, DISK_DENIED, DISK_FAILED */
  read(): Promise<KeyMaterial>
}

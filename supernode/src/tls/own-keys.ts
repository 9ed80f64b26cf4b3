import { fileVersions } from './file-versions.ts'
import { readPem } from './generated-keys.ts'
import type { KeyMaterial, KeySource } from './key-material.ts'

export interface OwnKeysInit {
  /** Files in PEM. */
  readonly certificate: string
  readonly key: string
  readonly clientCa: string | undefined
}

/** A certificate that somebody keeps in files, and renews there. */
export class OwnKeys implements KeySource {
  readonly #init: OwnKeysInit

  constructor(init: OwnKeysInit) {
    this.#init = init
  }

  async version(): Promise<string> {
    const { certificate, key, clientCa } = this.#init
    return fileVersions([certificate, key, clientCa])
  }

  async read(): Promise<KeyMaterial> {
    const { certificate, key, clientCa } = this.#init
    const [cert, keyText, ca] = await Promise.all([readPem(certificate), readPem(key), clientCa === undefined ? undefined : readPem(clientCa)])
    return { cert, key: keyText, ca }
  }
}

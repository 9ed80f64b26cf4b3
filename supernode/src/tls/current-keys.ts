import { createPrivateKey, X509Certificate } from 'node:crypto'
import { createSecureContext } from 'node:tls'
import { DamselflyError, messageOf, type Clock } from '@damselfly/shared'
import type { Logger } from '@damselfly/shared/logging'
import type { KeyMaterial, KeySource } from './key-material.ts'

/** How often it is looked whether the files changed; milliseconds. */
const LOOK_EVERY_MS = 10_000

export interface CurrentKeysInit {
  readonly source: KeySource
  readonly clock: Clock
  readonly logger: Logger
}

/** The keys in force; newer ones take their place while connections go on. */
export class CurrentKeys {
  readonly #init: CurrentKeysInit
  readonly #listeners = new Set<(material: KeyMaterial) => void>()
  #material: KeyMaterial | undefined
  #version = ''
  #isStopped = false
  #cancel: () => void = () => undefined
  #looking: Promise<void> = Promise.resolve()

  constructor(init: CurrentKeysInit) {
    this.#init = init
  }

  /** @throws DamselflyError CONFIG_INVALID when the files do not fit together; DISK_DENIED, DISK_FAILED */
  async start(): Promise<KeyMaterial> {
    this.#version = await this.#init.source.version()
    this.#material = checked(await this.#init.source.read())
    this.#planLook()
    return this.#material
  }

  /** @throws Error before the start */
  get material(): KeyMaterial {
    if (this.#material === undefined) throw new Error('the keys are not read yet')
    return this.#material
  }

  onChange(listener: (material: KeyMaterial) => void): void {
    this.#listeners.add(listener)
  }

  /** Idempotent. */
  async stop(): Promise<void> {
    this.#isStopped = true
    this.#cancel()
    this.#listeners.clear()
    await this.#looking
  }

  #planLook(): void {
    if (this.#isStopped) return
    this.#cancel = this.#init.clock.after(LOOK_EVERY_MS, () => {
      this.#looking = this.#look().finally(() => this.#planLook())
    })
  }

  /** What does not fit together, as in the moment between the two files, is looked at again when one of them changes. */
  async #look(): Promise<void> {
    const { source, logger } = this.#init
    const version = await source.version()
    if (version === this.#version) return
    this.#version = version
    try {
      const material = checked(await source.read())
      if (this.#isStopped) return
      this.#material = material
      for (const listener of this.#listeners) listener(material)
      logger.info({ fingerprint: new X509Certificate(material.cert).fingerprint256 }, 'the management API has a new certificate')
    } catch (error) {
      logger.warn({ reason: messageOf(error) }, 'the new certificate of the management API is not used; the old one stays')
    }
  }
}

/** @throws DamselflyError CONFIG_INVALID */
function checked(material: KeyMaterial): KeyMaterial {
  const { cert, key, ca } = material
  try {
    if (!new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))) throw new Error('the key is not that of the certificate')
    createSecureContext({ cert, key, ca })
    return material
  } catch (error) {
    throw new DamselflyError('CONFIG_INVALID', `management.tls: the certificate, key or clientCa cannot be used: ${messageOf(error)}`, { cause: error })
  }
}

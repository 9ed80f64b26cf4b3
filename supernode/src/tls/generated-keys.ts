import { generateKeyPairSync } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import { hostname, networkInterfaces } from 'node:os'
import { serverCertificate, type Authority } from '@damselfly/exchange/authority'
import { diskError, type Clock } from '@damselfly/shared'
import { fileVersions } from './file-versions.ts'
import type { KeyMaterial, KeySource } from './key-material.ts'

const DAY_MS = 86_400_000
const LIFETIME_MS = 90 * DAY_MS
/** One is replaced long before it ends; milliseconds. */
const USED_MS = 60 * DAY_MS

export interface GeneratedKeysInit {
  readonly authority: Authority
  /** Names and addresses beside those of this machine. */
  readonly names: readonly string[]
  /** A file with the CA of clients. */
  readonly clientCa: string | undefined
  readonly clock: Clock
}

/** A certificate of the supernode's own making, for all names and addresses that the machine has at the time. */
export class GeneratedKeys implements KeySource {
  readonly #init: GeneratedKeysInit
  readonly #key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey

  constructor(init: GeneratedKeysInit) {
    this.#init = init
  }

  async version(): Promise<string> {
    const { clientCa, clock } = this.#init
    const period = Math.floor(clock.wallTime() / USED_MS)
    return [period, ...this.#names(), await fileVersions([clientCa])].join(' ')
  }

  async read(): Promise<KeyMaterial> {
    const { authority, clientCa, clock } = this.#init
    const server = { names: this.#names(), organization: 'Damselfly supernode', key: this.#key }
    const certificate = await serverCertificate(server, authority, clock.wallTime(), LIFETIME_MS)
    return {
      // The CA with it, so that its fingerprint can be compared by those who know nothing else of it.
      cert: `${certificate}\n${authority.certificate}\n`,
      key: this.#key.export({ format: 'pem', type: 'pkcs8' }),
      ca: clientCa === undefined ? undefined : await readPem(clientCa),
    }
  }

  #names(): string[] {
    const own = Object.values(networkInterfaces()).flatMap((addresses = []) => addresses.map(({ address }) => address.replace(/%.*$/, '')))
    const names = ['localhost', '127.0.0.1', '::1', hostname().toLowerCase(), ...own, ...this.#init.names]
    return [...new Set(names)].filter(canBeCertified).toSorted()
  }
}

function canBeCertified(name: string): boolean {
  return isIP(name) !== 0 || /^[\w*][\w.-]*$/.test(name)
}

/** @throws DamselflyError DISK_DENIED, DISK_FAILED */
export async function readPem(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    throw diskError(error, `read ${path}`)
  }
}

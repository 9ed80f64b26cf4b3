import { readFileSync } from 'node:fs'
import { DamselflyError, messageOf } from '@damselfly/shared'
import { unbracketed } from '../http/origin-rule.ts'
import { parseAddress } from '../http/public-address.ts'
import type { RegistryOptions } from './registry-settings.ts'

/** Its name in image references is not the host that serves it. */
const DOCKER_HUB = { name: 'docker.io', endpoint: 'https://registry-1.docker.io' }
const DOCKER_HUB_NAMES = new Set([DOCKER_HUB.name, 'index.docker.io', 'registry-1.docker.io'])

/** What TLS to one registry needs besides the usual; PEM. */
export interface RegistryTls {
  readonly ca: string | undefined
  readonly identity: { readonly cert: string; readonly key: string } | undefined
  /** Its certificate is not verified. */
  readonly insecure: boolean
}

/** Knows where registries are and what their TLS needs. */
export class Registries {
  readonly #settings: ReadonlyMap<string, RegistryOptions>
  readonly #tls: ReadonlyMap<string, RegistryTls>

  /** @throws DamselflyError CONFIG_INVALID when a file cannot be read */
  constructor(settings: readonly RegistryOptions[]) {
    this.#settings = new Map(settings.map((one) => [canonicalName(one.host), one]))
    this.#tls = new Map(settings.flatMap((one) => (needsTls(one) ? [[canonicalName(one.host), tlsOf(one)]] : [])))
  }

  /** @param registry its name as image references have it */
  settings(registry: string): RegistryOptions | undefined {
    return this.#settings.get(canonicalName(registry))
  }

  /** @returns undefined when the usual will do */
  tls(registry: string): RegistryTls | undefined {
    return this.#tls.get(canonicalName(registry))
  }

  /** Its address, without a slash at the end. */
  endpoint(registry: string): string {
    const name = canonicalName(registry)
    const { endpoint, plainHttp = isThisMachine(name) && !this.#tls.has(name) } = this.settings(name) ?? {}
    if (endpoint !== undefined) return endpoint.replace(/\/+$/, '')
    if (name === DOCKER_HUB.name) return DOCKER_HUB.endpoint
    return `${plainHttp ? 'http' : 'https'}://${name}`
  }

  /** A repository as its registry knows it: Docker Hub's own ones may go by their last name. */
  repository(registry: string, repository: string): string {
    return canonicalName(registry) === DOCKER_HUB.name && !repository.includes('/') ? `library/${repository}` : repository
  }
}

/** One name for each registry, by which it is remembered. */
export function canonicalName(registry: string): string {
  return DOCKER_HUB_NAMES.has(registry) ? DOCKER_HUB.name : registry
}

/** As container tools do: nothing is encrypted within a machine. */
function isThisMachine(name: string): boolean {
  const host = URL.parse(`http://${name}`)?.hostname ?? name
  return host === 'localhost' || parseAddress(unbracketed(host))?.range() === 'loopback'
}

function needsTls({ ca, clientCertificate, insecure }: RegistryOptions): boolean {
  return ca !== undefined || clientCertificate !== undefined || insecure === true
}

function tlsOf({ host, ca, clientCertificate, clientKey, insecure = false }: RegistryOptions): RegistryTls {
  const read = (path: string): string => readPem(host, path)
  const identity = clientCertificate === undefined || clientKey === undefined ? undefined : { cert: read(clientCertificate), key: read(clientKey) }
  return { ca: ca === undefined ? undefined : read(ca), identity, insecure }
}

function readPem(host: string, path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new DamselflyError('CONFIG_INVALID', `registry ${host}: cannot read ${path}: ${messageOf(error)}`, { cause: error })
  }
}

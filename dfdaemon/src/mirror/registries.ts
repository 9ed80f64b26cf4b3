import { isLoopback } from '@damselfly/exchange'

/** How one registry is reached where its name does not say it. */
export interface RegistrySettings {
  /** Where it is served, such as `https://mirror.example`. @default `https://` and the registry's name */
  readonly endpoint?: string | undefined
}

/** Its name in image references is not the host that serves it. */
const DOCKER_HUB = { name: 'docker.io', endpoint: 'https://registry-1.docker.io' }
const DOCKER_HUB_NAMES = new Set([DOCKER_HUB.name, 'index.docker.io', 'registry-1.docker.io'])

/** Knows where registries are. */
export class Registries {
  readonly #settings: Readonly<Record<string, RegistrySettings>>

  constructor(settings: Readonly<Record<string, RegistrySettings>>) {
    this.#settings = settings
  }

  /** @param registry its name as image references have it */
  settings(registry: string): RegistrySettings {
    return this.#settings[canonicalName(registry)] ?? {}
  }

  /** Its address, without a slash at the end. */
  endpoint(registry: string): string {
    const name = canonicalName(registry)
    const { endpoint } = this.settings(name)
    if (endpoint !== undefined) return endpoint.replace(/\/+$/, '')
    return name === DOCKER_HUB.name ? DOCKER_HUB.endpoint : `${usualScheme(name)}://${name}`
  }
}

/** One name for each registry, by which it is remembered. */
export function canonicalName(registry: string): string {
  return DOCKER_HUB_NAMES.has(registry) ? DOCKER_HUB.name : registry
}

/** As container tools do: nothing is encrypted within a machine. */
function usualScheme(name: string): string {
  const host = URL.parse(`http://${name}`)?.hostname ?? name
  return host === 'localhost' || isLoopback(host.replaceAll(/[[\]]/g, '')) ? 'http' : 'https'
}

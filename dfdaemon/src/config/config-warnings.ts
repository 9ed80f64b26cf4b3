import { isLoopback } from '@damselfly/exchange'
import type { DaemonConfig } from './config.ts'

/** What a valid configuration says that will not do what somebody may have meant; sentences. */
export function configWarnings({ mirror, proxy, origins }: Pick<DaemonConfig, 'mirror' | 'proxy' | 'origins'>): readonly string[] {
  const unused = (['registries', 'intercept', 'rules'] as const).filter((name) => proxy[name].length > 0).map((name) => `proxy.${name}`)
  const hasLogin = origins.dockerConfig !== undefined || origins.registries.some(({ username, token }) => username !== undefined || token !== undefined)
  return [
    ...(proxy.enabled || unused.length === 0 ? [] : [`${unused.join(', ')}: nobody heeds it, since the proxy is off (proxy.enabled)`]),
    ...(proxy.enabled && !mirror.enabled && proxy.registries.length > 0
      ? ['proxy.registries: no image comes through the swarm, since the mirror that answers for registries is off (mirror.enabled)']
      : []),
    ...(mirror.enabled && hasLogin && !isLoopback(mirror.address)
      ? [`mirror.address: whoever reaches ${mirror.address} may pull with the logins of origins.registries and origins.dockerConfig`]
      : []),
  ]
}

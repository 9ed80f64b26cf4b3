import { createHttpSource, createSources, loadSource, type SourceClient } from '@damselfly/cdn'
import type { Clock } from '@damselfly/shared'
import { httpLimits } from './config/cdn-config.ts'
import type { SupernodeConfig } from './config/config.ts'
import { allowedOrigins } from './config/origin-allowance.ts'

export interface OriginSourcesInit {
  readonly config: SupernodeConfig
  /** That modules of `cdn.sources` are looked for from. */
  readonly directory: string
  readonly userAgent: string
  readonly clock: Clock
}

/** Whatever the supernode is configured to fetch from. @throws DamselflyError CONFIG_INVALID */
export async function createOriginSources({ config, directory, userAgent, clock }: OriginSourcesInit): Promise<SourceClient> {
  const { insecure, s3, registries, dockerConfig, files } = config.origins
  const limits = httpLimits(config.cdn.origins)
  const init = { policy: { allow: allowedOrigins(config) }, insecure, userAgent, limits, clock }
  const http = createHttpSource(init)
  const own: SourceClient[] = []
  try {
    for (const specifier of config.cdn.sources) own.push(await loadSource(specifier, directory, { http, clock }))
    return createSources({ http: init, s3, registries, dockerConfig, files, othersMayLogIn: false, own, clock }, http)
  } catch (error) {
    for (const client of [...own, http]) await client.close()
    throw error
  }
}

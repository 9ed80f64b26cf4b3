import { messageOf } from '@damselfly/shared'
import { fail, ok, warn, type Finding } from './finding.ts'
import { registryRefusal } from './registry-answer.ts'

/** A registry far away is asked; milliseconds. */
const PATIENCE_MS = 15_000

const HINTS: Readonly<Record<string, string>> = {
  ORIGIN_TLS: 'set its ca under origins.registries, here and at the supernode, if its certificate is not of a public authority',
}

/** Whether the mirror answers container tools, and whether the registry behind it answers the mirror. */
export async function checkMirror(mirror: string, defaultRegistry: string): Promise<readonly Finding[]> {
  const alive = await mirrorFinding(mirror)
  return alive.state === 'ok' ? [alive, await registryFinding(mirror, defaultRegistry)] : [alive]
}

async function mirrorFinding(mirror: string): Promise<Finding> {
  try {
    // No registry is asked for a path outside of /v2/.
    const answer = await fetch(`${mirror}/`, { signal: AbortSignal.timeout(PATIENCE_MS) })
    const text = await answer.text()
    if (answer.status === 404 && text.includes('/v2/')) return ok('mirror', `answers at ${mirror}`)
    return fail('mirror', `another program answers at ${mirror} (status ${answer.status})`, 'end it, or set mirror.port to a free port and run dfdaemon setup again')
  } catch (error) {
    return fail('mirror', `does not answer at ${mirror} (${reasonOf(error)})`, 'start the daemon with this configuration; its log says why it does not listen')
  }
}

async function registryFinding(mirror: string, registry: string): Promise<Finding> {
  try {
    const answer = await fetch(`${mirror}/v2/?ns=${encodeURIComponent(registry)}`, { signal: AbortSignal.timeout(PATIENCE_MS) })
    const text = await answer.text()
    if (answer.status === 200 || answer.status === 401) return ok('registry', `${registry} answers /v2/ through the mirror`)
    const refusal = registryRefusal(answer.status, text)
    return warn('registry', `${registry} does not answer /v2/ (${refusal.text})`, HINTS[refusal.code ?? ''] ?? 'see whether this host reaches it, or set its endpoint under origins.registries')
  } catch (error) {
    return warn('registry', `${registry}: ${reasonOf(error)}`, 'see whether this host reaches it')
  }
}

/** fetch hides the reason in a cause. */
export function reasonOf(error: unknown): string {
  return messageOf(error instanceof Error && error.cause !== undefined ? error.cause : error)
}

import assert from 'node:assert/strict'
import { VirtualClock } from '@damselfly/shared'
import { parseChallenges } from '../../src/oci/challenge.ts'
import { RegistryAuth, type RegistryScope } from '../../src/oci/registry-auth.ts'

const SCOPE: RegistryScope = { endpoint: new URL('https://registry.test'), repository: 'app', login: undefined }
const CHALLENGES = parseChallenges('Bearer realm="https://tokens.test/token",service="the tests"')
const { signal } = new AbortController()

describe('answers to the challenges of a registry', () => {
  function create(): { readonly auth: RegistryAuth; readonly given: string[] } {
    const given: string[] = []
    const fetch = async (): Promise<{ token: string; lifetimeMs: number }> => {
      given.push(`token-${given.length + 1}`)
      return { token: given.at(-1) as string, lifetimeMs: 60_000 }
    }
    return { auth: new RegistryAuth({ tokens: { fetch }, clock: new VirtualClock() }), given }
  }

  it('are one token for all who ask at the same time', async () => {
    const { auth, given } = create()
    await Promise.all([auth.answer(CHALLENGES, SCOPE, undefined, signal), auth.answer(CHALLENGES, SCOPE, undefined, signal)])
    assert.deepEqual(given, ['token-1'])
  })

  it('are the token that another one got while the registry was still refusing', async () => {
    const { auth, given } = create()
    await auth.answer(CHALLENGES, SCOPE, undefined, signal)
    assert.equal(await auth.answer(CHALLENGES, SCOPE, undefined, signal), 'Bearer token-1')
    assert.deepEqual(given, ['token-1'])
  })

  it('are a new token where the known one was refused', async () => {
    const { auth } = create()
    const refused = await auth.answer(CHALLENGES, SCOPE, undefined, signal)
    assert.equal(await auth.answer(CHALLENGES, SCOPE, refused, signal), 'Bearer token-2')
    assert.equal(auth.known(SCOPE), 'Bearer token-2')
  })
})

import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isDamselflyError, VirtualClock } from '@damselfly/shared'
import { readTokenCommand } from '../../src/access/token-command.ts'
import { findToken, type TokenPlaces } from '../../src/management/find-token.ts'
import { ManagementClient } from '../../src/management/management-client.ts'
import { useTempDir } from '../temp-dir.ts'

const clock = new VirtualClock(Date.UTC(2026, 0, 1))

describe('dfget token', () => {
  const answers: Record<string, unknown> = {
    'POST /api/v1/tokens': { id: 'a1', name: 'graphs', role: 'viewer', scopes: ['metrics'], createdAt: '', createdBy: 'me', expiresAt: null, lastUsedAt: null, token: 'dfly_secret' },
    'GET /api/v1/tokens': {
      tokens: [{ id: 'a1', name: 'graphs', role: 'viewer', scopes: ['metrics'], createdAt: '', createdBy: 'me', expiresAt: '2026-04-01T10:20:30.000Z', lastUsedAt: null }],
    },
    'DELETE /api/v1/tokens/a1': undefined,
    'GET /api/v1/whoami': { kind: 'token', name: 'graphs (a1)', role: 'viewer', scopes: ['metrics'] },
  }
  const sent: unknown[] = []

  /** Answers as above, and keeps what it was sent. */
  class FakeClient extends ManagementClient {
    override async get<T>(path: string): Promise<T> {
      return answers[`GET ${path}`] as T
    }
    override async send<T>(method: string, path: string, body: unknown): Promise<T> {
      sent.push(body)
      return answers[`${method} ${path}`] as T
    }
  }

  const run = async (...args: readonly string[]): Promise<string> => {
    const job = readTokenCommand(args, clock)
    if ('printed' in job) return job.printed
    let text = ''
    await job.act(new FakeClient('http://x', 'y'), (line) => (text += `${line}\n`))
    return text
  }

  it('shows a new token alone, and the others in a line each', async () => {
    assert.equal(await run('create', 'graphs', '--role', 'viewer', '--scope', 'metrics', '--expires', 'never'), 'dfly_secret\n')
    assert.deepEqual(sent.pop(), { name: 'graphs', role: 'viewer', scopes: ['metrics'], expiresAt: null })
    await run('create', 'x', '--role', 'peer', '--expires', '1d')
    assert.deepEqual(sent.pop(), { name: 'x', role: 'peer', scopes: undefined, expiresAt: '2026-01-02T00:00:00.000Z' })
    assert.equal(await run('list'), 'a1  viewer (metrics), until 2026-04-01T10:20Z, never used, by me  graphs\n')
    assert.equal(await run('revoke', 'a1'), 'revoked a1\n')
    assert.equal(await run('whoami'), 'graphs (a1): viewer (metrics)\n')
  })

  it('explains itself, and is refused with USAGE when it makes no sense', async () => {
    assert.match(await run('--help'), /shown once/)
    assert.match(await run('create', '--help'), /--role/)
    for (const args of [[], ['nonsense'], ['create', 'x'], ['create', 'x', '--role', 'viewer', '--expires', '5'], ['revoke'], ['list', 'x']]) {
      await assert.rejects(run(...args), (error) => isDamselflyError(error, 'USAGE'), args.join(' '))
    }
  })
})

describe('the token that dfget uses', () => {
  const directory = useTempDir()
  const nowhere: TokenPlaces = { token: undefined, namedFile: undefined, configuredFile: undefined }

  it('is the one said most explicitly', async () => {
    const file = async (name: string): Promise<string> => {
      const path = join(directory.path, name)
      await writeFile(path, `${name}\n`)
      return path
    }
    const namedFile = await file('named')
    const configuredFile = await file('configured')
    const env = { DAMSELFLY_TOKEN: 'environment' }
    assert.equal(await findToken({ token: 'given', namedFile, configuredFile }, env), 'given')
    assert.equal(await findToken({ ...nowhere, namedFile, configuredFile }, env), 'named')
    assert.equal(await findToken({ ...nowhere, configuredFile }, env), 'environment')
    assert.equal(await findToken({ ...nowhere, configuredFile }, {}), 'configured')
  })

  it("is that of the same user's supernode where nobody says anything", async () => {
    const data = join(directory.path, 'data')
    await assert.rejects(findToken({ ...nowhere, configuredFile: join(data, 'none') }, {}), (error) => isDamselflyError(error, 'CONFIG_INVALID') && /DAMSELFLY_TOKEN/.test(error.message))
    await mkdir(join(data, 'damselfly/supernode'), { recursive: true })
    await writeFile(join(data, 'damselfly/supernode/admin-token'), 'own\n')
    assert.equal(await findToken(nowhere, { XDG_DATA_HOME: data }), 'own')
  })
})

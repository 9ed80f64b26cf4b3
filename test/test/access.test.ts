import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Lab, OidcIssuer, type Supernode } from '@damselfly/test'

describe('a supernode with TLS and an OIDC issuer', function () {
  // Real programs and keys, on machines that are busy too.
  this.timeout(300_000)
  let lab: Lab
  let issuer: OidcIssuer
  let supernode: Supernode
  let roles: string[] = []
  let url: string
  let ca: { readonly file: string; readonly fingerprint: string }

  before(async () => {
    lab = await Lab.create()
    issuer = await OidcIssuer.start(() => roles)
    const oidc = { issuer: issuer.url, audience: issuer.audience, roles: { admin: ['chiefs'], viewer: ['staff'] } }
    supernode = await lab.supernode('supernode', { config: { management: { addresses: ['127.0.0.1'], port: 0, tls: { mode: 'on' }, oidc } } })
    url = supernode.url
    ca = supernode.ready['managementCa'] as typeof ca
  })
  after(async () => {
    await lab.stop()
    await issuer.stop()
  })

  interface Shown {
    readonly code: number | null
    readonly stdout: string
    readonly stderr: string
  }

  const dfget = async (args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Shown> => lab.dfget([...args, '--management', url], { env }).exited
  const trusted = (): string[] => ['--ca-file', ca.file]
  const admin = (): string[] => ['--token-file', join(supernode.dataDir, 'admin-token')]

  it('is trusted by its CA or its fingerprint, and by nothing else', async () => {
    assert.match(url, /^https:/)
    const shown = await dfget(['token', 'whoami', ...admin(), '--fingerprint', ca.fingerprint])
    assert.deepEqual([shown.code, shown.stdout], [0, 'admin-token: admin'], shown.stderr)
    const untrusted = await dfget(['token', 'whoami', ...admin()])
    assert.equal(untrusted.code, 8)
    assert.match(untrusted.stderr, /not trusted.*\[SUPERNODE_TLS\].*--ca-file/)
  })

  it('says that it speaks HTTPS to who does not, and dfget says the opposite', async () => {
    const plain = await lab.dfget(['token', 'whoami', ...admin(), '--management', url.replace('https', 'http')]).exited
    assert.match(plain.stderr, /speaks HTTPS.*\[USAGE\]/)
    const secure = await lab.dfget(['token', 'whoami', ...admin(), '--management', issuer.url.replace('http', 'https')]).exited
    assert.match(secure.stderr, /does not speak HTTPS.*\[SUPERNODE_UNREACHABLE\]/)
  })

  it('knows who logged in at the issuer, by a token of the environment or a command', async () => {
    roles = ['staff']
    const token = await issuer.token()
    const file = lab.path('oidc.token')
    await writeFile(file, token)
    const config = lab.path('dfget.yaml')
    await writeFile(config, JSON.stringify({ management: { url, caFile: ca.file, tokenCommand: `echo log in first >&2; cat '${file}'` } }))
    const given = await dfget(['token', 'whoami', ...trusted()], { DAMSELFLY_TOKEN: token })
    const asked = await lab.dfget(['token', 'whoami', '--config', config]).exited
    for (const { stdout, stderr } of [given, asked]) assert.match(stdout, /^damselfly-ci \(127\.0\.0\.1:\d+\): viewer$/, stderr)
    assert.match(asked.stderr, /log in first/)
  })

  it('refuses who has no role there, and records what an admin of the issuer does', async () => {
    roles = ['visitors']
    const none = await dfget(['token', 'whoami', ...trusted()], { DAMSELFLY_TOKEN: await issuer.token() })
    assert.match(none.stderr, /gives no role.*\[UNAUTHORIZED\]/)
    roles = ['chiefs']
    const env = { DAMSELFLY_TOKEN: await issuer.token() }
    const made = await dfget(['token', 'create', 'graphs', '--role', 'viewer', ...trusted()], env)
    assert.match(made.stdout, /^dfly_/, made.stderr)
    const audit = await dfget(['audit', '--action', 'tokens', ...trusted()], env)
    assert.match(audit.stdout, /201 {2}damselfly-ci \(127\.0\.0\.1:\d+\) \(admin\) from 127\.0\.0\.1: POST \/api\/v1\/tokens/)
  })

  it('goes on to know its own tokens when the issuer is gone, and writes no token anywhere', async () => {
    const token = await issuer.token()
    await supernode.program.stop()
    supernode = await lab.supernode('supernode', { config: { management: { addresses: ['127.0.0.1'], port: supernode.ports.management, tls: { mode: 'on' }, oidc: { issuer: 'http://127.0.0.1:9', audience: 'x' } } } })
    assert.equal((supernode.ready['managementCa'] as typeof ca).fingerprint, ca.fingerprint)
    const lost = await dfget(['token', 'whoami', ...trusted()], { DAMSELFLY_TOKEN: token })
    assert.match(lost.stderr, /cannot be read.*\[ISSUER_UNREACHABLE\]/)
    const own = (await dfget(['token', 'create', 'own', '--role', 'viewer', ...admin(), ...trusted()])).stdout
    assert.match(own, /^dfly_/)
    const written = await Promise.all(['audit.jsonl', 'refusals.jsonl', 'tokens.json'].map(async (name) => readFile(join(supernode.dataDir, name), 'utf8').catch(() => '')))
    for (const text of [...written, supernode.program.stderr]) assert.ok(!text.includes(own) && !text.includes(token))
  })
})

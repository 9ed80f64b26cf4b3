import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CreateBucketCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import { RegistryPush, RegistryServer, whyNoRegistryServer, type PushedBlob } from '@damselfly/cdn/testing/registry'
import { S3Server, whyNoS3Server } from '@damselfly/cdn/testing/s3-server'
import { assertFailure, Lab, type Daemon } from '@damselfly/test'

const MIRRORS = join(import.meta.dirname, '../../docs/examples/sources/mirrors.ts')
const CONTENT = Buffer.from('one content of many kinds of origins. '.repeat(50_000))

describe('contents of origins that are no web servers', function () {
  this.timeout(120_000)
  let lab: Lab
  let s3: S3Server | undefined
  let registry: RegistryServer | undefined
  let blob: PushedBlob
  let supernode: string
  let daemon: Daemon
  let bucket: Record<string, unknown>

  before(async () => {
    lab = await Lab.create()
    await mkdir(lab.path('shelf'))
    await writeFile(lab.path('shelf', 'a file'), CONTENT)
    await writeFile(lab.path('secret'), 'secret')
    const web = await lab.faultOrigin()
    web.add('/copy/f', { body: CONTENT })
    bucket = await startS3()
    const registries = await startRegistry()
    const origins = { files: [lab.path('shelf')], s3: [bucket], registries }
    const config = { origins, cdn: { sources: [MIRRORS] } }
    supernode = (await lab.supernode('supernode', { config, env: { MIRRORS: web.url('/copy') } })).address
    daemon = await lab.daemon('daemon', { supernodes: [supernode] })
  })

  after(async () => {
    await lab?.stop()
    await s3?.stop()
    await registry?.stop()
  })

  async function startS3(): Promise<Record<string, unknown>> {
    const settings = { bucket: 'models', endpoint: 'http://127.0.0.1:1', region: 'us-east-1' }
    if ((await whyNoS3Server()) !== undefined) return settings
    s3 = await S3Server.start()
    await s3.client.send(new CreateBucketCommand({ Bucket: 'models' }))
    await s3.client.send(new PutObjectCommand({ Bucket: 'models', Key: 'llm/weights', Body: CONTENT }))
    const { endpoint, region, accessKeyId, secretAccessKey } = s3
    return { ...settings, endpoint, region, accessKeyId, secretAccessKey }
  }

  async function startRegistry(): Promise<readonly Record<string, unknown>[]> {
    if ((await whyNoRegistryServer()) !== undefined) return []
    registry = await RegistryServer.start()
    blob = await new RegistryPush(registry.authority, 'team/app').blob(CONTENT)
    return [{ host: registry.authority, plainHttp: true }]
  }

  /** Through the daemon, whose own configuration names none of these origins. */
  async function downloads(url: string, name: string): Promise<void> {
    const done = await lab.download(url, lab.path(name), daemon).done()
    assert.equal(done.bytesFrom.origin, 0)
    assert.ok(CONTENT.equals(await readFile(lab.path(name))), 'other bytes than at the origin')
  }

  it('come from a folder of the supernode', () => downloads(`file://${lab.path('shelf', 'a%20file')}`, 'from-file'))

  it('come from no other folder', async () => {
    const exit = await lab.dfget([`file://${lab.path('secret')}`, '-o', lab.path('stolen'), '--socket', daemon.socket]).exited
    assertFailure(exit, 'ORIGIN_FORBIDDEN')
  })

  it('come from a bucket (OpenStack Swift)', async function () {
    if (s3 === undefined) return this.skip()
    await downloads('s3://models/llm/weights', 'from-s3')
  })

  it('come from a bucket to a dfget that has the key itself', async function () {
    if (s3 === undefined) return this.skip()
    await writeFile(lab.path('dfget.yaml'), JSON.stringify({ origins: { s3: [bucket] } }))
    const args = ['s3://models/llm/weights', '-o', lab.path('alone'), '--no-daemon', '--data-dir', lab.path('own'), '--config', lab.path('dfget.yaml')]
    const exit = await lab.dfget(args).exited
    assert.equal(exit.code, 0, exit.stderr)
    assert.ok(CONTENT.equals(await readFile(lab.path('alone'))))
  })

  it('come from a registry, checked against the digest in their URL (docker-registry)', async function () {
    if (registry === undefined) return this.skip()
    await downloads(`oci://${registry.authority}/team/app@${blob.digest}`, 'from-registry')
    assert.equal(blob.digest, `sha256:${createHash('sha256').update(CONTENT).digest('hex')}`)
  })

  it("come from somebody's own source client", () => downloads('mirrors:///f', 'from-mirrors'))

  it('are refused by a dfget that has neither the key nor a supernode: NO_SOURCE_CLIENT', async () => {
    const exit = await lab.dfget(['s3://models/x', '-o', lab.path('none'), '--no-daemon', '--data-dir', lab.path('nobody')]).exited
    assertFailure(exit, 'NO_SOURCE_CLIENT')
  })

  it('are refused where the supernode has no such origin either: NO_SOURCE_CLIENT', async () => {
    const exit = await lab.dfget(['s3://others/x', '-o', lab.path('none'), '--socket', daemon.socket]).exited
    assertFailure(exit, 'NO_SOURCE_CLIENT')
    assert.match(exit.stderr, /no access to the bucket others is configured/)
  })
})

describe('a supernode with a source client that lacks something', function () {
  this.timeout(120_000)

  it('does not start, and says what: CONFIG_INVALID', async () => {
    const lab = await Lab.create()
    try {
      await writeFile(lab.path('mine.ts'), "export const createSource = () => ({ schemes: ['x:'], probe() {}, close() {} })\n")
      await writeFile(lab.path('supernode.yaml'), JSON.stringify({ dataDir: lab.path('data'), cdn: { sources: ['./mine.ts'] } }))
      const exit = await lab.own('supernode', ['--config', lab.path('supernode.yaml')]).exited
      assert.equal(exit.code, 2, exit.stderr)
      assert.match(exit.stderr, /source \.\/mine\.ts: what createSource returns\.read is missing, expected a function \[CONFIG_INVALID\]/)
    } finally {
      await lab.stop()
    }
  })
})

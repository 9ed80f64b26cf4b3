import assert from 'node:assert/strict'
import { CreateBucketCommand, DeleteObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import { describeSourceClient } from '@damselfly/cdn/testing/source-client'
import { collect } from '@damselfly/shared'
import { Secret } from '@damselfly/shared/config'
import { basicAuthorization, type OriginRequest, type S3Bucket, type SourceClient } from '../../src/index.ts'
import { createS3Source } from '../../src/s3/s3-source.ts'
import { parseS3Url, s3Url } from '../../src/s3/s3-url.ts'
import { createFaultOrigin, gather, generatedContent } from '../../src/testing/index.ts'
import { S3Server, whyNoS3Server } from '../../src/testing/s3-server/s3-server.ts'

const ANONYMOUS: S3Bucket = { bucket: '*', region: 'us-east-1', machineCredentials: false }

// An origin that serves objects as any S3 server does, and misbehaves as no real one can be told to.
describeSourceClient(
  'the S3 source client',
  async () => {
    const origin = await createFaultOrigin()
    const client = createS3Source({ buckets: [{ ...ANONYMOUS, endpoint: `http://${origin.authority}` }] })
    const dispose = async (): Promise<void> => {
      await client.close()
      await origin.close()
    }
    const objects = {
      add: (path: string, content: Parameters<typeof origin.add>[1]) => {
        origin.add(`/bucket${path}`, content)
        return `s3://bucket${path}`
      },
      stats: (path: string) => origin.stats(`/bucket${path}`),
      when: (path: string, wanted: Parameters<typeof origin.when>[1]) => origin.when(`/bucket${path}`, wanted),
      resume: (path: string) => origin.resume(`/bucket${path}`),
    }
    return { client, origin: objects, dispose }
  },
  { credentials: false },
)

const requestFor = (url: string, more: Partial<OriginRequest> = {}): OriginRequest => {
  return { url, headers: new Map(), signal: new AbortController().signal, ...more }
}

describe('URLs of S3 objects', () => {
  it('name every key that has no dots for folders', () => {
    for (const key of ['a', 'a/b', '/a', 'a//b', 'a b?c#d%e&f', 'ü/…', 'a:b@c', 'a+b', "q'(x)*!"]) {
      const url = s3Url('bucket', key)
      assert.deepEqual(parseS3Url(url ?? ''), { bucket: 'bucket', key, versionId: undefined })
    }
    assert.equal(s3Url('bucket', 'a/../b'), undefined)
  })

  it('may name a version', () => {
    assert.deepEqual(parseS3Url('s3://b/k?versionId=7'), { bucket: 'b', key: 'k', versionId: '7' })
  })

  for (const refused of ['s3:///k', 's3:k', 's3://b:80/k', 's3://b/k?x=1', 's3://b/%', 'https://b/k', '']) {
    it(`are not like '${refused}'`, () => assert.throws(() => parseS3Url(refused), { code: 'URL_REFUSED' }))
  }
})

describe('the S3 source client', () => {
  it('fetches nothing from buckets that are not configured', async () => {
    const client = createS3Source({ buckets: [{ ...ANONYMOUS, bucket: 'team-*', endpoint: 'http://127.0.0.1:1' }] })
    await assert.rejects(client.read(requestFor('s3://other/k')), { code: 'NO_SOURCE_CLIENT' })
    await assert.rejects(client.read(requestFor('s3://team-a/k')), { code: 'ORIGIN_UNREACHABLE' })
    await client.close()
  })
})

describe('the S3 source client and a real server (OpenStack Swift)', function () {
  this.timeout(120_000)
  let server: S3Server
  let client: SourceClient
  const content = generatedContent(300_000)
  const put = (key: string, body: Uint8Array) => server.client.send(new PutObjectCommand({ Bucket: 'bucket', Key: key, Body: body }))

  before(async function () {
    if ((await whyNoS3Server()) !== undefined) return this.skip()
    server = await S3Server.start()
    await server.client.send(new CreateBucketCommand({ Bucket: 'bucket' }))
    const { endpoint, region, accessKeyId, secretAccessKey } = server
    const key = { accessKeyId, secretAccessKey: new Secret(secretAccessKey) }
    client = createS3Source({
      buckets: [
        { ...ANONYMOUS, bucket: 'bucket', endpoint, region, ...key },
        { ...ANONYMOUS, bucket: 'wrong', endpoint, region, ...key, secretAccessKey: new Secret('wrong') },
      ],
    })
  })

  after(async () => {
    await client?.close()
    await server?.stop()
  })

  it('reads an object, and a part of it while it is the same', async () => {
    await put('folder/an object?', content)
    const url = s3Url('bucket', 'folder/an object?') ?? ''
    const info = await client.probe(requestFor(url))
    assert.equal(info.contentLength, content.length)
    const whole = await client.read(requestFor(url))
    assert.deepEqual(await collect(whole.body), content)
    const part = await client.read(requestFor(url, { range: { start: 9, end: 99 }, ifMatch: info.validators }))
    assert.deepEqual(await collect(part.body), content.subarray(9, 100))
    await put('folder/an object?', generatedContent(300_000, 2))
    const later = client.read(requestFor(url, { range: { start: 9 }, ifMatch: info.validators }))
    await assert.rejects(later, { code: 'ORIGIN_CHANGED' })
    await server.client.send(new DeleteObjectCommand({ Bucket: 'bucket', Key: 'folder/an object?' }))
  })

  it('tells a missing object, a missing bucket and a wrong key apart', async () => {
    await assert.rejects(client.read(requestFor('s3://bucket/none')), { code: 'ORIGIN_NOT_FOUND', message: /NoSuchKey/ })
    await assert.rejects(client.read(requestFor('s3://wrong/none')), { code: 'ORIGIN_UNAUTHORIZED', message: /SignatureDoesNotMatch/ })
    await assert.rejects(client.probe(requestFor('s3://bucket/none')), { code: 'ORIGIN_NOT_FOUND' })
  })

  it("takes a caller's own key instead of the configured one", async () => {
    await server.client.send(new CreateBucketCommand({ Bucket: 'wrong' }))
    await server.client.send(new PutObjectCommand({ Bucket: 'wrong', Key: 'private', Body: content }))
    await assert.rejects(client.probe(requestFor('s3://wrong/private')), { code: 'ORIGIN_UNAUTHORIZED' })
    const url = new URL('s3://wrong/private')
    url.username = encodeURIComponent(server.accessKeyId)
    url.password = encodeURIComponent(server.secretAccessKey)
    const headers = new Map([['authorization', basicAuthorization(url) ?? '']])
    const { body } = await client.read(requestFor('s3://wrong/private', { headers }))
    assert.deepEqual(await collect(body), content)
  })

  it('lists what begins with a prefix, without what stands for folders', async () => {
    // On three pages.
    const keys = ['many/a', 'many/b c', 'many/d/e', ...Array.from({ length: 7 }, (_, i) => `many/page ${i}`)]
    for (const key of keys) await put(key, Buffer.from(key))
    await put('many/folder/', Buffer.alloc(0))
    await put('other', Buffer.alloc(0))
    const found = await gather(client.list?.(requestFor('s3://bucket/many/')))
    assert.deepEqual(found, keys.map((key) => ({ url: s3Url('bucket', key), size: key.length, digest: undefined })))
    await assert.rejects(gather(client.list?.(requestFor('s3://wrong/'))), { code: 'ORIGIN_UNAUTHORIZED' })
  })
})

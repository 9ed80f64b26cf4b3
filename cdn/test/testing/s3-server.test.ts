import { CreateBucketCommand, GetObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import assert from 'node:assert/strict'
import { S3Server, whyNoS3Server } from '../../src/testing/s3-server/s3-server.ts'

describe('the S3 server of the tests (OpenStack Swift)', function () {
  this.timeout(120_000)
  let server: S3Server

  before(async function () {
    if ((await whyNoS3Server()) !== undefined) return this.skip()
    server = await S3Server.start()
    await server.client.send(new CreateBucketCommand({ Bucket: 'bucket' }))
  })

  after(() => server?.stop())

  it('gives back what was put', async () => {
    await server.client.send(new PutObjectCommand({ Bucket: 'bucket', Key: 'a/b', Body: Buffer.from('0123456789') }))
    const { Body } = await server.client.send(new GetObjectCommand({ Bucket: 'bucket', Key: 'a/b', Range: 'bytes=2-4' }))
    assert.equal(await Body?.transformToString(), '234')
  })

  it('refuses a wrong secret', async () => {
    const { endpoint, region, accessKeyId } = server
    const client = new S3Client({ endpoint, region, forcePathStyle: true, credentials: { accessKeyId, secretAccessKey: 'wrong' } })
    await assert.rejects(client.send(new ListObjectsV2Command({ Bucket: 'bucket' })), { name: 'SignatureDoesNotMatch' })
    client.destroy()
  })
})

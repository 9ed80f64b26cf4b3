import { S3Server, whyNoS3Server } from '@damselfly/cdn/testing/s3-server'
import assert from 'node:assert/strict'
import { digestOf, Lab, LocalOrigin, writeRandomFile, type Supernode } from '@damselfly/test'

const MIB = 1024 ** 2

describe('two supernodes with one bucket', function () {
  this.timeout(120_000)
  let lab: Lab
  let server: S3Server
  let origin: LocalOrigin
  let digest: string

  before(async function () {
    if ((await whyNoS3Server()) !== undefined) return this.skip()
    server = await S3Server.start()
    await server.createBucket('contents')
    lab = await Lab.create()
    digest = await writeRandomFile(lab.path('content'), 5 * MIB, 1)
    origin = await LocalOrigin.start(lab.path('content'))
  })

  after(async () => {
    await lab?.stop()
    await origin?.stop()
    await server?.stop()
  })

  it('ask the origin for the content once', async () => {
    for (const name of ['one', 'other']) {
      const daemon = await lab.daemon(`peer-of-${name}`, { supernodes: [(await supernode(name)).address] })
      const done = await lab.download(origin.url, lab.path(`out-${name}`), daemon).done()
      assert.equal(await digestOf(lab.path(`out-${name}`)), digest)
      assert.equal(done.backToSource, undefined)
      assert.equal(done.bytesFrom.cdn, 5 * MIB)
      assert.equal(origin.bodyBytes, 5 * MIB)
    }
  })

  function supernode(name: string): Promise<Supernode> {
    const { endpoint, accessKeyId, secretAccessKey } = server
    return lab.supernode(name, { config: { cdn: { storage: { driver: 's3', s3: { bucket: 'contents', endpoint, accessKeyId, secretAccessKey } } } } })
  }
})

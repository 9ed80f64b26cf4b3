import { describePieceStore } from '@damselfly/exchange/testing/piece-store'
import { S3Server, whyNoS3Server } from '../../src/testing/s3-server/s3-server.ts'
import { SharedBucket } from './s3-store-harness.ts'

describe('a bucket of OpenStack Swift', function () {
  this.timeout(120_000)
  let server: S3Server

  before(async function () {
    if ((await whyNoS3Server()) !== undefined) return this.skip()
    server = await S3Server.start()
    await SharedBucket.createBucket(server)
  })

  after(() => server?.stop())

  describePieceStore('the S3 store', () => SharedBucket.create(server))
})

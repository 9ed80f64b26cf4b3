import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { GetObjectCommand, HeadObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import { Secret } from '@damselfly/shared/config'
import { retryAfterOf } from '../../src/index.ts'
import { createS3Client, s3Error, type S3Access, type S3Limits } from '../../src/s3/index.ts'

const OBJECT = { Bucket: 'models', Key: 'a/b.bin' }
const KEY = { accessKeyId: 'me', secretAccessKey: new Secret('mine') }

describe('a client of an S3 server', () => {
  let server: Server
  let client: S3Client
  let answer: (request: IncomingMessage, response: ServerResponse) => void
  const asked: IncomingMessage[] = []

  beforeEach(async () => {
    asked.length = 0
    server = createServer((request, response) => {
      asked.push(request)
      answer(request, response)
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
  })

  afterEach(async () => {
    client.destroy()
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  })

  function connect(more: Partial<S3Access> = {}, limits: Partial<S3Limits> = {}): void {
    const { port } = server.address() as AddressInfo
    const endpoint = `http://127.0.0.1:${port}`
    client = createS3Client({ endpoint, region: 'here', pathStyle: undefined, machineCredentials: false, ...more }, limits)
  }

  async function failure(): Promise<ReturnType<typeof s3Error>> {
    return await client.send(new GetObjectCommand(OBJECT)).then(
      () => assert.fail('the request succeeded'),
      (error: unknown) => s3Error(error, 's3://models/a/b.bin'),
    )
  }

  it('signs with the configured key, for the configured region, with the bucket in the path', async () => {
    answer = (_, response) => response.end()
    connect(KEY)
    await client.send(new HeadObjectCommand(OBJECT))
    assert.equal(asked[0]?.url, '/models/a/b.bin')
    assert.match(asked[0].headers.authorization ?? '', /^AWS4-HMAC-SHA256 Credential=me\/\d+\/here\/s3\/aws4_request/)
  })

  it('signs nothing where no key is configured, whatever the environment says', async () => {
    answer = (_, response) => response.end()
    const before = { ...process.env }
    Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'ambient', AWS_SECRET_ACCESS_KEY: 'x', AWS_ENDPOINT_URL: 'http://127.0.0.1:1' })
    try {
      connect()
      await client.send(new HeadObjectCommand(OBJECT))
    } finally {
      process.env = before
    }
    assert.equal(asked[0]?.headers.authorization, undefined)
  })

  const answers = [
    [404, 'NoSuchKey', 'ORIGIN_NOT_FOUND'],
    [404, 'NoSuchBucket', 'ORIGIN_NOT_FOUND'],
    [403, 'SignatureDoesNotMatch', 'ORIGIN_UNAUTHORIZED'],
    [412, 'PreconditionFailed', 'ORIGIN_CHANGED'],
    [416, 'InvalidRange', 'RANGE_UNSATISFIABLE'],
    [301, 'PermanentRedirect', 'ORIGIN_STATUS'],
    [503, 'SlowDown', 'ORIGIN_STATUS'],
  ] as const
  for (const [status, name, code] of answers) {
    it(`tells ${status} ${name} as ${code}, once asked`, async () => {
      answer = (_, response) =>
        response.writeHead(status, { 'retry-after': '7' }).end(`<?xml version="1.0"?><Error><Code>${name}</Code><Message>no</Message></Error>`)
      connect(KEY)
      const error = await failure()
      assert.equal(error.code, code)
      assert.match(error.message, new RegExp(`^s3://models/a/b.bin answered ${status} \\(${name}`))
      assert.equal(asked.length, 1)
      if (status === 503) assert.equal(retryAfterOf(error), 7000)
    })
  }

  it('tells an answer that is no XML by its status', async () => {
    answer = (_, response) => response.writeHead(502).end('<html>bad gateway')
    connect(KEY)
    const error = await failure()
    assert.equal(error.code, 'ORIGIN_STATUS')
    assert.match(error.message, /answered 502/)
  })

  it('tells a server that does not answer', async () => {
    answer = () => undefined
    connect(KEY, { headersTimeoutMs: 20 })
    assert.equal((await failure()).code, 'ORIGIN_UNREACHABLE')
  })

  it('tells a server that is not there', async () => {
    connect({ ...KEY, endpoint: 'http://127.0.0.1:1' })
    const error = await failure()
    assert.equal(error.code, 'ORIGIN_UNREACHABLE')
    assert.match(error.message, /ECONNREFUSED/)
  })
})

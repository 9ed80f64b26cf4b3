import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import type { S3Client } from '@aws-sdk/client-s3'
import { sha256, systemClock } from '@damselfly/shared'
import { Secret } from '@damselfly/shared/config'
import { createS3Client } from '../../src/s3/index.ts'
import { S3Bucket } from '../../src/storage/s3/s3-bucket.ts'

type Answer = 'written' | 'PreconditionFailed' | 'ConditionalRequestConflict' | 'NotImplemented'

const STATUS = { written: 200, PreconditionFailed: 412, ConditionalRequestConflict: 409, NotImplemented: 501 } as const

describe('writing what may be there already', () => {
  let server: Server
  let client: S3Client
  let bucket: S3Bucket
  /** What the server says to writes on a condition, in turns. */
  let answers: Answer[]
  /** The condition of each request, '' for none. */
  const conditions: string[] = []
  const stored = new Map<string, Buffer>()
  const body = Buffer.from('a piece')

  beforeEach(async () => {
    answers = []
    conditions.length = 0
    stored.clear()
    server = createServer((request, response) => void serve(request, response)).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const access = { endpoint, region: 'here', accessKeyId: 'me', secretAccessKey: new Secret('mine'), machineCredentials: false }
    client = createS3Client(access)
    bucket = new S3Bucket({ client, bucket: 'contents', prefix: '', clock: systemClock, signal: new AbortController().signal })
  })

  afterEach(async () => {
    client.destroy()
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  })

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const bytes = await buffer(request)
    const condition = request.headers['if-none-match'] ?? ''
    conditions.push(condition)
    const isThere: Answer = stored.has(request.url ?? '') ? 'PreconditionFailed' : 'written'
    const answer = condition === '' ? 'written' : (answers.shift() ?? isThere)
    if (answer === 'written') stored.set(request.url ?? '', bytes)
    response.writeHead(STATUS[answer]).end(answer === 'written' ? '' : `<?xml version="1.0"?><Error><Code>${answer}</Code></Error>`)
  }

  const put = (): Promise<boolean> => bucket.put('k', body, { sha256: sha256(body), ifAbsent: true })

  it('writes nothing where it is, on a server that knows conditions', async () => {
    await put()
    await put()
    assert.deepEqual(conditions, ['*', '*'])
    assert.deepEqual([...stored.values()], [body])
  })

  it('writes all the same where the server does not know them, and tries it once', async () => {
    answers = ['NotImplemented']
    await put()
    await put()
    assert.deepEqual(conditions, ['*', '', ''])
    assert.deepEqual([...stored.values()], [body])
  })

  it('writes what somebody else writes at the same time, and goes on with conditions', async () => {
    answers = ['ConditionalRequestConflict']
    await put()
    await put()
    assert.deepEqual(conditions, ['*', '', '*'])
    assert.deepEqual([...stored.values()], [body])
  })
})

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createHash } from 'node:crypto'
import { digestOf, Lab, type Daemon } from '@damselfly/test'

const MIB = 1024 ** 2

describe('a content of unknown length', function () {
  this.timeout(120_000)
  const content = randomBytes(9 * MIB + 5)
  const digest = createHash('sha256').update(content).digest('hex')
  let lab: Lab
  let origin: Server
  let url: string
  let gets = 0
  let peers: Daemon[]

  before(async () => {
    lab = await Lab.create()
    origin = createServer((request, response) => {
      if (request.method === 'GET') gets++
      // Without a length node sends chunks.
      response.setHeader('etag', '"one"')
      if (request.method === 'HEAD') return void response.end()
      void writeSlowly(response, content)
    })
    origin.listen(0, '127.0.0.1')
    await once(origin, 'listening')
    url = `http://127.0.0.1:${(origin.address() as AddressInfo).port}/stream`
    const { address } = await lab.supernode()
    peers = await Promise.all(['a', 'b'].map((name) => lab.daemon(name, { supernodes: [address] })))
  })

  after(async () => {
    await lab.stop()
    origin.close()
  })

  it('comes whole to peers that ask while it still streams, from one request', async () => {
    const downloads = peers.map((peer, i) => lab.download(url, lab.path(`out-${i}`), peer).done())
    for (const [i, done] of (await Promise.all(downloads)).entries()) {
      assert.equal(done.contentLength, content.length)
      assert.equal(done.backToSource, undefined)
      assert.equal(await digestOf(lab.path(`out-${i}`)), digest)
    }
    assert.equal(gets, 1)
  })
})

async function writeSlowly(response: NodeJS.WritableStream, content: Uint8Array): Promise<void> {
  for (let at = 0; at < content.length; at += 64 * 1024) {
    if (!response.write(content.subarray(at, at + 64 * 1024))) await once(response, 'drain')
  }
  response.end()
}

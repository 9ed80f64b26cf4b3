import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, request, type IncomingMessage, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { buffer } from 'node:stream/consumers'
import { selfSignedCertificate, type TestCertificate } from '@damselfly/cdn/testing'
import { isDamselflyError } from '@damselfly/shared'
import type { RegistryTls } from '../../src/http/registry-tls.ts'
import { Forwarder } from '../../src/proxy/forward.ts'
import { TargetGate } from '../../src/proxy/target-gate.ts'

describe('what the proxy asks a host itself', () => {
  let certificate: TestCertificate
  let origin: Server
  let front: Server
  let forwarder: Forwarder
  /** By host and port. */
  const known = new Map<string, RegistryTls>()

  beforeEach(async () => {
    certificate = await selfSignedCertificate()
    // Whoever shows no certificate of this CA hears so.
    origin = createTlsServer({ ...certificate, ca: certificate.cert, requestCert: true, rejectUnauthorized: false }, (question, reply) => {
      reply.writeHead((question.socket as TLSSocket).authorized ? 200 : 403).end('all of it')
    })
    await listening(origin)
    const gate = new TargetGate({ allow: ['127.0.0.1', 'localhost'], connectPorts: [], intercepted: [], ownPorts: () => [] })
    forwarder = new Forwarder(gate, 5_000, (host) => known.get(host))
    front = createServer((question, reply) => {
      const url = new URL(`https://${String(question.headers['x-host'])}:${portOf(origin)}/any/path`)
      forwarder.answer(url, question, reply, AbortSignal.timeout(10_000)).catch((error: unknown) => {
        reply.writeHead(isDamselflyError(error, 'ORIGIN_UNREACHABLE') ? 502 : 500).end()
      })
    })
    await listening(front)
  })
  afterEach(async () => {
    known.clear()
    await forwarder.close()
    for (const server of [front, origin]) server.closeAllConnections()
    for (const server of [front, origin]) server.close()
  })

  async function statusOf(host: string): Promise<number | undefined> {
    const asking = request({ port: portOf(front), headers: { 'x-host': host }, agent: false }).end()
    const [answer] = (await once(asking, 'response')) as [IncomingMessage]
    await buffer(answer)
    return answer.statusCode
  }

  it('is asked with the CA and the client certificate of a registry, outside of its /v2/ too', async () => {
    const tls = { ca: certificate.cert, identity: undefined, insecure: false }
    known.set(`127.0.0.1:${portOf(origin)}`, tls)
    assert.equal(await statusOf('127.0.0.1'), 403)
    await forwarder.close()
    const gate = new TargetGate({ allow: ['127.0.0.1'], connectPorts: [], intercepted: [], ownPorts: () => [] })
    forwarder = new Forwarder(gate, 5_000, () => ({ ...tls, identity: certificate }))
    assert.equal(await statusOf('127.0.0.1'), 200)
  })

  it('gets neither where another host is meant', async () => {
    known.set(`127.0.0.1:${portOf(origin)}`, { ca: certificate.cert, identity: certificate, insecure: false })
    assert.equal(await statusOf('localhost'), 502)
    assert.equal(await statusOf('127.0.0.1'), 200)
  })
})

async function listening(server: Server): Promise<void> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port
}

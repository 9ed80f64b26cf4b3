import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { VirtualClock } from '@damselfly/shared'
import { silentLogger } from '@damselfly/shared/logging'
import { createRegistry } from '@damselfly/shared/metrics'
import { Proxy } from '../../src/proxy/proxy.ts'
import { FakePeer } from '../../src/testing/index.ts'

describe('a tunnel that is refused', () => {
  let clock: VirtualClock
  let proxy: Proxy
  let client: Socket

  beforeEach(async () => {
    clock = new VirtualClock()
    proxy = new Proxy({
      settings: { host: '127.0.0.1', port: 0, users: {}, allow: [], connectPorts: [443], registries: [], intercept: [], rules: [], maxConnections: 10, idleMs: 60_000 },
      authorityFile: '/nonexistent',
      peer: new FakePeer({ dataDir: '/nonexistent', contents: {} }),
      mirror: undefined,
      registries: { tls: () => undefined },
      ownPorts: () => [],
      registry: createRegistry(),
      clock,
      logger: silentLogger(),
    })
    client = connect({ host: '127.0.0.1', port: Number(new URL(await proxy.start()).port), allowHalfOpen: true })
    client.write('CONNECT 169.254.169.254:443 HTTP/1.1\r\nHost: a\r\n\r\nwhat was meant for the target')
  })

  afterEach(() => client.destroy())

  /** All that the proxy says, which closes its side then. */
  async function answer(): Promise<string> {
    const parts: Buffer[] = []
    client.on('data', (part: Buffer) => parts.push(part))
    await once(client, 'end')
    return Buffer.concat(parts).toString()
  }

  it('is over when the client has gone, whatever it had sent', async () => {
    client.end()
    assert.match(await answer(), /^HTTP\/1\.1 403 /)
    await proxy.stop(60_000)
  })

  it('is over soon where the client keeps its side open', async () => {
    assert.match(await answer(), /PROXY_REFUSED/)
    clock.advance(10_000)
    await proxy.stop(60_000)
  })

  it('is over when the proxy stops', async () => {
    await once(client, 'data')
    const stopped = proxy.stop(0)
    clock.advance(0)
    await stopped
  })
})

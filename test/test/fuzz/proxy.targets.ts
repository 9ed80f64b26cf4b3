import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { isIP, type AddressInfo } from 'node:net'
import { Secret } from '@damselfly/shared/config'
import { silentLogger } from '@damselfly/shared/logging'
import { createRegistry } from '@damselfly/shared/metrics'
import { systemClock } from '@damselfly/shared'
import { Proxy } from '../../../dfdaemon/src/proxy/proxy.ts'
import { TrustedProxies } from '../../../supernode/src/access/client-address.ts'
import { httpTarget, type HttpTargetInit } from '../../src/fuzz/http-target.ts'
import { latin1Of } from '../../src/fuzz/refusals.ts'
import { stayInside } from '../../src/fuzz/stay-inside.ts'
import type { FuzzTarget } from '../../src/fuzz/target.ts'

/** Of the only user, as it stands in requests. */
const LOGIN = Buffer.from('user:word').toString('base64')
const LOGGED_IN = `Proxy-Authorization: Basic ${LOGIN}`
/** Stands in inputs for the port of the origin, which is only known once it runs; as long as ports are. */
const PORT_WORD = '65432'
/** What the origin answers. */
const CONTENT = 'what the origin has'

let port = ''

function request(line: string, ...headers: readonly string[]): string {
  return `${[`${line} HTTP/1.1`, ...headers].join('\r\n')}\r\n\r\n`
}

const proxy: HttpTargetInit = {
  name: 'proxy',
  seeds: [
    request(`GET http://127.0.0.1:${PORT_WORD}/a?b=1`, `Host: 127.0.0.1:${PORT_WORD}`, LOGGED_IN),
    request(`POST http://user:word@127.0.0.1:${PORT_WORD}/a`, 'Host: a', LOGGED_IN, 'Content-Length: 5') + 'hello',
    request(`GET http://127.0.0.1:${PORT_WORD}/a`, 'Host: a'),
    request(`CONNECT 127.0.0.1:${PORT_WORD}`, 'Host: a', LOGGED_IN) + request('GET /inside', 'Host: a', 'Connection: close'),
    request(`CONNECT [::ffff:127.0.0.1]:${PORT_WORD}`, 'Host: a', LOGGED_IN),
    request('CONNECT 169.254.169.254:80', 'Host: a', LOGGED_IN),
    request('GET /not-a-whole-url', 'Host: 127.0.0.1', LOGGED_IN),
  ],
  words: [LOGGED_IN, 'CONNECT ', 'http://', 'https://', `127.0.0.1:${PORT_WORD}`, '[::1]', 'localhost:', '169.254.169.254', 'Upgrade: websocket', 'Connection: ', 'Proxy-Connection: keep-alive', 'Via: 1.1 a', '@'],
  // What cannot be reached, or answers late.
  fails: [501, 502, 504, 505],
  async open() {
    stayInside()
    const origin = createServer((question, reply) => {
      question.resume()
      reply.end(CONTENT)
    })
    origin.listen(0, '127.0.0.1')
    await once(origin, 'listening')
    port = String((origin.address() as AddressInfo).port)
    const started = new Proxy({
      settings: {
        host: '127.0.0.1',
        port: 0,
        users: { user: new Secret('word') },
        allow: ['127.0.0.1'],
        connectPorts: [Number(port)],
        registries: [],
        intercept: [],
        // They are matched within a time by the clock, which a busy machine does not keep.
        rules: [],
        maxConnections: 100,
        idleMs: 5_000,
      },
      authorityFile: '/nonexistent',
      // Nothing comes from the swarm without rules, and there is no mirror.
      peer: {} as never,
      mirror: undefined,
      registries: { tls: () => undefined },
      ownPorts: () => [],
      registry: createRegistry(),
      clock: systemClock,
      logger: silentLogger(),
    })
    const at = { host: '127.0.0.1', port: Number(new URL(await started.start()).port) }
    const close = async (): Promise<void> => {
      await started.stop(0)
      origin.closeAllConnections()
      origin.close()
    }
    return { at, healthy: request(`GET http://127.0.0.1:${port}/`, 'Host: a', LOGGED_IN, 'Connection: close'), close }
  },
  judge(input, answer) {
    // Bytes of base64 that are passed over, and other spellings of the word, need the login all the same.
    const decoded = Array.from(input.matchAll(/basic\s+([a-z0-9+/=]+)/gi), ([, word = '']) => Buffer.from(word, 'base64').toString())
    if (!decoded.includes('user:word')) assert.ok(!answer.includes(CONTENT), 'somebody without a login is served')
  },
}

const target = httpTarget(proxy)

/** What the last proxy writes decides; whoever sends a request can only write what stands before it. */
function findClient(text: string): void {
  for (const [header, last] of [['x-forwarded-for', CLIENT], ['forwarded', `for="${CLIENT}:5"`]] as const) {
    const proxies = new TrustedProxies(['10.0.0.0/8', 'fd00::/8'], header)
    assert.equal(proxies.clientOf('::ffff:10.1.2.3', { [header]: `${text}, ${last}` }), CLIENT, 'the sender chooses where it comes from')
    assert.equal(proxies.clientOf(CLIENT, { [header]: text }), CLIENT, 'somebody who is no trusted proxy is believed')
    assert.notEqual(isIP(proxies.clientOf('10.1.2.3', { [header]: text })), 0)
  }
}

const CLIENT = '203.0.113.9'

export const targets: readonly FuzzTarget[] = [
  {
    name: 'client-addresses',
    seeds: ['198.51.100.7, 10.0.0.2', 'for=198.51.100.7;proto=https;by=10.0.0.1', 'for="[2001:db8::7]:4711", for=unknown', '[::1]:5, ::ffff:10.1.2.3'],
    words: ['for=', '"', '[', ']', ':', ', ', ';', 'unknown', '10.0.0.1', 'fd00::1', '::ffff:'],
    maxBytes: 400,
    run: (input) => findClient(latin1Of(input)),
  },
  { ...target, run: (input) => target.run(Buffer.from(Buffer.from(input).toString('latin1').replaceAll(PORT_WORD, port), 'latin1')) },
]

import { CONNECTION_LIMITS } from '@damselfly/exchange'
import { formatDigest, sha256, systemClock, type VirtualClock } from '@damselfly/shared'
import { silentLogger } from '@damselfly/shared/logging'
import { Registry } from '@damselfly/shared/metrics'
import { startLocalApi, URL_OF_CONTENT } from '../../../dfdaemon/test/api/local-api-fixture.ts'
import { blob, BLOB, MANIFEST, manifest, MirroredRegistry } from '../../../dfdaemon/test/mirror/mirrored-registry.ts'
import { TrustedProxies } from '../../../supernode/src/access/client-address.ts'
import { Front } from '../../../supernode/src/api/front.ts'
import { ApiBench } from '../../../supernode/test/api-bench.ts'
import { httpTarget, type HttpTargetInit } from '../../src/fuzz/http-target.ts'
import { stayInside } from '../../src/fuzz/stay-inside.ts'
import type { FuzzTarget } from '../../src/fuzz/target.ts'

const TASK = 'ab'.repeat(32)

function request(line: string, headers: readonly string[] = [], body = ''): string {
  const length = body === '' ? [] : ['Content-Type: application/json', `Content-Length: ${Buffer.byteLength(body)}`]
  return `${[`${line} HTTP/1.1`, 'Host: localhost', ...headers, ...length].join('\r\n')}\r\n\r\n${body}`
}

const localApi: HttpTargetInit = {
  name: 'local-api',
  seeds: [
    request('GET /api/v1/status'),
    request('GET /api/v1/tasks?limit=5'),
    request(`DELETE /api/v1/tasks/${TASK}`),
    request(`POST /api/v1/tasks/${TASK}/pin`),
    request('POST /api/v1/downloads', [], JSON.stringify({ url: URL_OF_CONTENT })),
    request('POST /api/v1/downloads', [], JSON.stringify({ url: URL_OF_CONTENT, tag: 'a', headers: { accept: '*/*' }, range: { start: 1, end: 2 } })),
    request('GET /metrics'),
  ],
  words: ['/api/v1/', 'downloads', 'tasks', 'content', 'events', '"url"', '"digest"', '"range"', '"headers"', URL_OF_CONTENT, 'pin'],
  fails: [501, 502, 503, 504, 505, 507],
  async open() {
    const fixture = await startLocalApi({ contents: { [URL_OF_CONTENT]: { bytes: Buffer.alloc(50_000, 3) } } })
    return { at: { path: fixture.socket }, healthy: request('GET /api/v1/status', ['Connection: close']), close: async () => fixture.close() }
  },
}

function managementApi(name: string, isKnown: boolean): HttpTargetInit {
  // The token is only known once there is a server, and stands in every request that does not lose it.
  const token = 'Authorization: Bearer dfly_000000000000_0000000000000000000000000000000000000000000'
  return {
    name,
    seeds: [
      request('GET /api/v1/status', [token]),
      request('GET /api/v1/tasks?limit=2', [token]),
      request('GET /api/v1/peers', [token]),
      request('GET /api/v1/audit', [token]),
      request('GET /metrics', [token]),
      request('POST /api/v1/preheats', [token], JSON.stringify({ type: 'file', url: 'http://origin.test/a', peers: 1 })),
      request('POST /api/v1/tokens', [token], JSON.stringify({ name: 'a', role: 'viewer' })),
      request('POST /api/v1/rules/block', [token], JSON.stringify({ url: '*', why: 'x' })),
      request('GET /healthz'),
    ],
    words: ['/api/v1/', 'tokens', 'preheats', 'rules', 'decisions', '"role"', '"scopes"', '"url"', 'Bearer ', token],
    fails: [501, 502, 503, 504, 505],
    async open() {
      const proxies = new TrustedProxies(['127.0.0.0/8'], 'x-forwarded-for')
      // Every input comes on a connection of its own.
      const bench = await ApiBench.start({ front: new Front({ limits: CONNECTION_LIMITS, proxies, registry: new Registry(), clock: systemClock, logger: silentLogger() }) })
      const { port } = new URL(bench.base)
      const at = { host: '127.0.0.1', port: Number(port) }
      open.set(name, { token: isKnown ? bench.adminToken : '', clock: bench.control.clock })
      return { at, healthy: request('GET /healthz', ['Connection: close']), close: async () => bench.stop() }
    },
  }
}

interface OpenApi {
  readonly token: string
  /** Time goes on there as far as is said. */
  readonly clock: VirtualClock
}

/** Management APIs that are open, by target. */
const open = new Map<string, OpenApi>()

/** Longer than the pause that one refused request costs its caller; milliseconds. */
const BETWEEN_INPUTS = 10

/** Puts the right token where the seeds have a wrong one. What callers may take of the time is not what is tried here. */
function toManagementApi(target: FuzzTarget): FuzzTarget {
  return {
    ...target,
    run: (input) => {
      const { token = '', clock } = open.get(target.name) ?? {}
      clock?.advance(BETWEEN_INPUTS)
      return target.run(Buffer.from(Buffer.from(input).toString('latin1').replaceAll(/dfly_0{12}_0{43}/g, token), 'latin1'))
    },
  }
}

const mirror: HttpTargetInit = {
  name: 'mirror',
  seeds: [
    request(`GET ${BLOB}`),
    request(`GET ${BLOB}`, ['Range: bytes=5-99,200-300']),
    request(`HEAD ${BLOB}`),
    request(`GET ${MANIFEST}`),
    request('GET /v2/app/manifests/latest', ['Accept: application/vnd.oci.image.manifest.v1+json']),
    request('GET /v2/'),
    request('POST /v2/app/blobs/uploads/', [], '{}'),
    request('GET /v2/library/alpine/manifests/3?ns=docker.io'),
  ],
  words: ['/v2/', '?ns=', 'sha256:', '/blobs/', '/manifests/', 'Authorization: Basic ', 'If-None-Match: ', 'If-Range: '],
  fails: [501, 502, 503, 504, 505],
  async open() {
    stayInside()
    const registry = await MirroredRegistry.start({
      answer: (question, reply) => {
        const isManifest = question.url?.includes('/manifests/') === true
        const bytes = isManifest ? manifest : blob
        reply.writeHead(200, { 'content-length': bytes.length, 'docker-content-digest': formatDigest(sha256(bytes)) }).end(question.method === 'HEAD' ? undefined : bytes)
      },
      contents: { [BLOB]: { bytes: blob } },
    })
    const at = { host: '127.0.0.1', port: Number(new URL(registry.url).port) }
    return { at, healthy: request(`GET ${BLOB}`, ['Connection: close']), close: async () => registry.stop() }
  },
}

export const targets: readonly FuzzTarget[] = [httpTarget(localApi), toManagementApi(httpTarget(managementApi('management-api', true))), toManagementApi(httpTarget(managementApi('management-api-strangers', false))), httpTarget(mirror)]

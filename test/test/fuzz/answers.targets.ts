import assert from 'node:assert/strict'
import { once } from 'node:events'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDamselflyError, systemClock, type ErrorCode } from '@damselfly/shared'
import { DockerLogins } from '../../../cdn/src/oci/docker-logins.ts'
import { createS3Source } from '../../../cdn/src/s3/s3-source.ts'
import type { SourceClient } from '../../../cdn/src/source-client.ts'
import { multipartBody } from '../../../dfdaemon/src/http/multipart.ts'
import { parseRanges } from '../../../dfdaemon/src/http/range.ts'
import type { FuzzTarget } from '../../src/fuzz/target.ts'
import { latin1Of, unlessRefused } from '../../src/fuzz/refusals.ts'

const CONTENT = Buffer.from(Array.from({ length: 300 }, (_, i) => i & 255))

/** What a client reads out of several parts, by another way than ours: each part where its own head says. */
async function readParts(text: string): Promise<void> {
  const ranges = unlessRefused(() => parseRanges(text, CONTENT.length), 'RANGE_UNSATISFIABLE')
  if (ranges === undefined || ranges.length < 2) return
  const { contentType, contentLength, body } = multipartBody(ranges, { type: 'text/plain', contentLength: CONTENT.length }, async function* ({ start, end }) {
    yield CONTENT.subarray(start, end + 1)
  })
  const parts: Uint8Array[] = []
  for await (const part of body) parts.push(part)
  const written = Buffer.concat(parts)
  assert.equal(written.length, contentLength, 'the length of the body is another')
  const boundary = `--${contentType.split('boundary=')[1]}`
  let at = 0
  for (const { start, end } of ranges) {
    const head = `${boundary}\r\ncontent-type: text/plain\r\ncontent-range: bytes ${start}-${end}/${CONTENT.length}\r\n\r\n`
    assert.equal(written.toString('latin1', at, at + head.length), head)
    at += head.length
    assert.deepEqual(written.subarray(at, at + end - start + 1), CONTENT.subarray(start, end + 1))
    at += end - start + 3
  }
  assert.equal(written.toString('latin1', at), `${boundary}--\r\n`)
}

/** What a store may be at fault with. */
const FAULTS: readonly ErrorCode[] = ['ORIGIN_NOT_FOUND', 'ORIGIN_UNAUTHORIZED', 'ORIGIN_CHANGED', 'RANGE_UNSATISFIABLE', 'ORIGIN_STATUS', 'ORIGIN_TLS', 'ORIGIN_UNREACHABLE', 'ORIGIN_SHORT', 'ORIGIN_LONG', 'ORIGIN_FORBIDDEN']

/** What is listed at most of an answer that goes on for ever. */
const MOST_LISTED = 2000

const LISTING = '<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name><KeyCount>1</KeyCount><IsTruncated>false</IsTruncated><Contents><Key>a b</Key><Size>5</Size><ETag>&quot;x&quot;</ETag></Contents></ListBucketResult>'
const ERROR = '<?xml version="1.0"?><Error><Code>NoSuchKey</Code><Message>gone</Message></Error>'

function answer(status: string, body: string, ...headers: readonly string[]): string {
  return `${[`HTTP/1.1 ${status}`, `Content-Length: ${body.length}`, 'Connection: close', ...headers].join('\r\n')}\r\n\r\n${body}`
}

/** Answers each request with the same bytes, whatever they are. */
class SameAnswer {
  bytes: Uint8Array = new Uint8Array(0)
  readonly #server: Server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.once('data', () => socket.end(this.bytes))
  })

  async start(): Promise<string> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  stop(): void {
    this.#server.close()
  }
}

const store = new SameAnswer()
let s3: SourceClient
let asked = 0

async function askStore(input: Uint8Array): Promise<void> {
  store.bytes = input
  const asking = { url: 's3://bucket/key', headers: new Map(), signal: AbortSignal.timeout(20_000) }
  const ways = [
    async () => {
      let listed = 0
      for await (const { url, size } of s3.list?.({ ...asking, url: 's3://bucket/' }) ?? []) {
        assert.ok(url.startsWith('s3://bucket/'), url)
        assert.ok(size === undefined || size >= 0, `a size of ${size}`)
        if (++listed > MOST_LISTED) return
      }
    },
    async () => void (await s3.probe(asking)),
    async () => {
      const { body, start, bodyLength } = await s3.read({ ...asking, range: { start: 1, end: 3 } })
      let bytes = 0
      await body.pipe((part) => void (bytes += part.length))
      assert.ok(start >= 0 && (bodyLength === undefined || bytes === bodyLength), `${bytes} bytes instead of ${bodyLength}`)
    },
  ] as const
  await ways[asked++ % ways.length]?.().catch((error: unknown) => {
    if (!FAULTS.some((code) => isDamselflyError(error, code))) throw error
  })
}

let folder = ''
let path: string | undefined

/** Nothing but a helper that answers as it is told can be run. */
async function openFolder(): Promise<void> {
  folder = await mkdtemp(join(tmpdir(), 'damselfly-fuzz-'))
  const helper = join(folder, 'docker-credential-fuzz')
  await writeFile(helper, `#!/bin/sh\nexec /bin/cat ${join(folder, 'answer')}\n`)
  await chmod(helper, 0o755)
  path = process.env['PATH']
  process.env['PATH'] = folder
}

async function closeFolder(): Promise<void> {
  process.env['PATH'] = path
  await rm(folder, { recursive: true })
}

async function loginOf(config: Uint8Array | string, registry: string): Promise<void> {
  const file = join(folder, 'config.json')
  await writeFile(file, config)
  const login = await new DockerLogins(file, systemClock).of(registry).catch((error: unknown) => unlessRefused<undefined>(() => { throw error }, 'CONFIG_INVALID'))
  if (login === undefined) return
  // It goes into a header, of which no second must become.
  const word = login.type === 'basic' ? login.authorization : login.token
  assert.match(word, /^[\x20-\x7e]*$/, 'a login that no header can have')
}

export const targets: readonly FuzzTarget[] = [
  {
    name: 'several-parts',
    seeds: ['bytes=0-4,6-9', 'bytes=5-9,100-,0-1', 'bytes=-5,0-0'],
    words: ['bytes=', '-', ',', '299', '300'],
    maxBytes: 200,
    run: async (input) => readParts(latin1Of(input)),
  },
  {
    name: 's3-answers',
    seeds: [answer('200 OK', LISTING, 'Content-Type: application/xml'), answer('404 Not Found', ERROR), answer('200 OK', 'hello', 'ETag: "x"', 'Last-Modified: Thu, 01 Jan 2026 00:00:00 GMT'), answer('301 Moved', ERROR, 'x-amz-bucket-region: eu')],
    words: ['<Contents>', '</Contents>', '<Key>', '</Key>', '<Size>', '-1', '1e999', '<IsTruncated>true</IsTruncated>', '<NextContinuationToken>x</NextContinuationToken>', '<EncodingType>url</EncodingType>', '<!DOCTYPE a [<!ENTITY b "c">]>', '&b;', '&#0;', '<![CDATA[', '<Code>', '__proto__', 'Transfer-Encoding: chunked', 'Last-Modified: ', ' 206 ', ' 412 ', ' 503 '],
    start: async () => {
      const endpoint = await store.start()
      const own = { endpoint, region: 'r', pathStyle: true, accessKeyId: undefined, secretAccessKey: undefined, sessionToken: undefined, machineCredentials: false }
      s3 = createS3Source({ buckets: [{ bucket: '*', ...own }], limits: { headersTimeoutMs: 5_000, idleTimeoutMs: 5_000 } })
    },
    stop: async () => {
      await s3.close?.()
      store.stop()
    },
    run: askStore,
  },
  {
    name: 'docker-config',
    seeds: [
      `{"auths":{"r.example":{"auth":"${Buffer.from('user:word').toString('base64')}"},"https://index.docker.io/v1/":{"identitytoken":"abc"}}}`,
      '{"auths":{"https://r.example/v2/":{"username":"a","password":"b"}},"credHelpers":{"other.example":"fuzz"}}',
      '{"credsStore":"missing","auths":{}}',
    ],
    words: ['"auths"', '"r.example"', '"auth"', '"registrytoken"', '"credsStore"', '"credHelpers"', '"../x"', '__proto__', 'null', '{', '}', '[', ']'],
    start: openFolder,
    stop: closeFolder,
    run: async (input) => {
      await writeFile(join(folder, 'answer'), '{"Username":"a","Secret":"b"}')
      for (const registry of ['r.example', 'docker.io']) await loginOf(input, registry)
    },
  },
  {
    name: 'credential-helpers',
    seeds: ['{"ServerURL":"r.example","Username":"user","Secret":"word"}', '{"Username":"<token>","Secret":"abc"}', 'credentials not found in native keychain'],
    words: ['"Username"', '"Secret"', '<token>', '\\r\\n', '\\u0000', 'null', '{', '}', ':'],
    start: openFolder,
    stop: closeFolder,
    run: async (input) => {
      await writeFile(join(folder, 'answer'), input)
      await loginOf('{"credsStore":"fuzz"}', 'r.example')
    },
  },
]

import assert from 'node:assert/strict'
import ipaddr from 'ipaddr.js'
import { ChunkedDecoder } from '../../../cdn/src/http/chunked-decoder.ts'
import { framingOf, type Framing } from '../../../cdn/src/http/body-framing.ts'
import { OriginGate } from '../../../cdn/src/http/origin-policy.ts'
import { parseOriginRule } from '../../../cdn/src/http/origin-rule.ts'
import { ProtocolError } from '../../../cdn/src/http/protocol-error.ts'
import { readTerms } from '../../../cdn/src/http/read-terms.ts'
import { HeadReader, type ResponseHead } from '../../../cdn/src/http/response-head.ts'
import { readAnswer, readUnchanged, type ContentAnswer } from '../../../cdn/src/http/response-info.ts'
import { parseChallenges } from '../../../cdn/src/oci/challenge.ts'
import { parseOciUrl, ociUrl } from '../../../cdn/src/oci/reference.ts'
import { fetchManifest } from '../../../cdn/src/oci/manifest.ts'
import { parseS3Url, s3Url } from '../../../cdn/src/s3/s3-url.ts'
import { decodeMetadata, encodeMetadata } from '../../../cdn/src/storage/s3/stored-metadata.ts'
import { deriveTaskId, flowOf, redactUrl, type TaskId } from '@damselfly/shared'
import type { FuzzTarget } from '../../src/fuzz/target.ts'
import { latin1Of, textOf, unlessRefused } from '../../src/fuzz/refusals.ts'

const HEAD = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag: "a"\r\nCache-Control: max-age=60, stale-if-error=5\r\nExpires: Thu, 01 Jan 2026 00:00:00 GMT\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\nAge: 5\r\nVary: accept\r\n\r\nhello'
const PARTIAL = 'HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-4/10\r\nContent-Length: 5\r\nLast-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\n\r\nhello'

/** What it throws is about the answer, and never about the program. */
function unlessNoHttp<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (error instanceof ProtocolError) return undefined
    throw error
  }
}

function headOf(input: Uint8Array, cut: number): ResponseHead | undefined {
  const reader = new HeadReader(4096)
  return unlessNoHttp(() => {
    for (let at = 0; at < input.length && reader.head === undefined; at += cut) {
      const part = input.subarray(at, at + cut)
      if (reader.take(part) < part.length) break
    }
    return reader.head
  })
}

function isCount(value: number | undefined): boolean {
  return value === undefined || (Number.isSafeInteger(value) && value >= 0)
}

function readHead(input: Uint8Array): void {
  const head = headOf(input, 1 + (input.length % 17))
  assert.deepEqual(head, headOf(input, Math.max(1, input.length)), 'a head depends on how its bytes are cut')
  if (head === undefined) return
  for (const method of ['GET', 'HEAD'] as const) {
    const framing = unlessNoHttp((): Framing => framingOf(method, head))
    if (framing?.type === 'length') assert.ok(isCount(framing.length))
  }
  const terms = readTerms(head.headers)
  for (const time of [terms.freshForMs, terms.staleIfErrorMs]) assert.ok(time === undefined || time >= 0, `a time of ${time}`)
  readUnchanged(head.headers, { etag: '"old"', lastModified: '' })
  for (const asked of [undefined, { start: 0, end: 9 }]) {
    const answer = unlessRefused((): ContentAnswer => readAnswer(head.status, head.headers, asked, 'the origin'), 'ORIGIN_STATUS')
    if (answer === undefined) continue
    assert.ok(isCount(answer.info.contentLength), `a content of ${answer.info.contentLength} bytes`)
    assert.ok(isCount(answer.body.length) && isCount(answer.body.start))
  }
}

function readChunks(input: Uint8Array, cut: number): string {
  const decoder = new ChunkedDecoder()
  let content = ''
  const fine = unlessNoHttp(() => {
    for (let at = 0; at < input.length && !decoder.isOver; ) {
      const part = input.subarray(at, at + cut)
      const taken = decoder.take(part)
      content += Buffer.from(taken.content).toString('hex')
      assert.ok(taken.count > 0 && taken.count <= part.length)
      at += taken.count
    }
    return true
  })
  return `${content} ${fine === true ? String(decoder.isOver) : 'refused'}`
}

/** By another way than ours: what the library that knows the ranges says of the address that a URL leads to. */
function isPublicBy(hostname: string): boolean | undefined {
  const host = hostname.replace(/^\[|\]$/g, '')
  if (!ipaddr.isValid(host)) return undefined
  const address = ipaddr.process(host)
  // Packets for these go to the IPv4 address within.
  if (address instanceof ipaddr.IPv6 && address.range() === '6to4') return isPublicBy(address.toByteArray().slice(2, 6).join('.'))
  if (address instanceof ipaddr.IPv6 && address.range() === 'rfc6052') return isPublicBy(address.toByteArray().slice(12).join('.'))
  return address.range() === 'unicast'
}

function tryUrl(text: string): void {
  const url = URL.parse(text)
  const shown = redactUrl(text)
  if (url === null || url.hostname === '') return
  const gate = new OriginGate([])
  const expected = isPublicBy(url.hostname)
  const admitted = gate.admitsAddress(url.hostname, 80)
  assert.ok(!gate.namesHost(url.hostname, 80))
  if (expected === undefined || !expected) assert.ok(!admitted, `${url.hostname} is admitted and not public`)
  // However the address is written, a URL of the web has it plainly; in others a number stays a name.
  if (expected === true && /^https?:$/.test(url.protocol) && /^[\d.]+$/.test(url.hostname)) assert.ok(admitted, `${url.hostname} is public and refused`)
  // Whoever has other user info sees the same, wherever else the same words stand.
  if (url.username === '' && url.password === '') return
  Object.assign(url, { username: 'somebody', password: 'else' })
  assert.equal(shown, redactUrl(url.href), 'user info is shown')
}

const METADATA = encodeMetadata({
  version: 'a'.repeat(16),
  verifiedBytes: 5,
  record: { taskId: deriveTaskId({ url: 'http://a/' }), url: 'http://a/', headers: [], filteredQueryParams: [], etag: '"x"', pieceSize: 1024 } as never,
})

export const targets: readonly FuzzTarget[] = [
  {
    name: 'answers-of-origins',
    seeds: [HEAD, PARTIAL, 'HTTP/1.0 304 Not Modified\r\nPragma: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n'],
    words: ['Content-Length: ', 'Content-Range: bytes ', 'Transfer-Encoding: chunked', 'Cache-Control: ', 's-maxage=', 'no-store', 'immutable', 'Expires: ', 'Age: ', 'Vary: *', 'ETag: W/"', 'Set-Cookie: a', '\r\n', ' 206 ', 'HTTP/1.1 '],
    run: readHead,
  },
  {
    name: 'chunked-bodies',
    seeds: ['5\r\nhello\r\n0\r\n\r\n', 'a;x=y\r\n0123456789\r\n0\r\nTrailer: a\r\n\r\n', 'ffffffffffffffff\r\n'],
    words: ['\r\n', '0\r\n\r\n', ';', '7fffffffffffffff'],
    run: (input) => assert.equal(readChunks(input, 1 + (input.length % 7)), readChunks(input, Math.max(1, input.length)), 'a body depends on how its bytes are cut'),
  },
  {
    name: 'challenges',
    seeds: ['Bearer realm="https://auth.example/token",service="registry",scope="repository:a:pull", Basic realm="x"', 'Negotiate abc=='],
    words: ['realm=', '"', '\\"', 'Bearer ', 'Basic ', ',', '='],
    run: (input) => {
      for (const { scheme, parameters } of parseChallenges(latin1Of(input))) {
        assert.ok(scheme !== '' && scheme === scheme.toLowerCase())
        for (const name of parameters.keys()) assert.equal(name, name.toLowerCase())
      }
    },
  },
  {
    name: 'addresses-of-origins',
    seeds: ['http://169.254.169.254/latest', 'http://[::ffff:127.0.0.1]/', 'http://0x7f.1/', 'http://2130706433/', 'http://[64:ff9b::a00:1]/', 'http://[2002:7f00:1::]/', 'https://user:word@93.184.216.34:443/', 'http://127.0.0.1.nip.example/'],
    words: ['::', '::ffff:', '64:ff9b::', '2002:', 'fe80::', '127.0.0.1', '0x7f', '0177', '10.', '192.168.', '169.254.', '@', '[', ']', '%', '。', '①', 'localhost', '.'],
    maxBytes: 300,
    run: (input) => tryUrl(textOf(input)),
  },
  {
    name: 'rules-of-origins',
    seeds: ['*.corp.example', '10.0.0.0/8', 'fd00::/8', 'nas.local:8080', '[::1]:8080', '192.168.1.7'],
    words: ['*', '/8', '/128', ':', '[::1]', '10.0.0.1'],
    maxBytes: 200,
    run: (input) => {
      const rule = unlessRefused(() => parseOriginRule(textOf(input)), 'CONFIG_INVALID')
      rule?.matchesHost('files.corp.example', 80)
      rule?.matchesHost('a'.repeat(250), 80)
      for (const address of ['10.1.2.3', '::1', '::ffff:10.1.2.3']) rule?.matchesAddress(ipaddr.parse(address), 8080)
    },
  },
  {
    name: 'oci-references',
    seeds: [`oci://registry.example:5000/library/alpine:3.20@sha256:${'a'.repeat(64)}`, 'oci://r/a/b'],
    words: ['oci://', '@sha256:', '/', ':', '..', '%2f', '__'],
    maxBytes: 600,
    run: (input) => {
      const read = unlessRefused(() => parseOciUrl(textOf(input)), 'URL_REFUSED')
      if (read?.digest === undefined) return
      const { registry, repository, digest } = parseOciUrl(ociUrl(read, read.digest))
      assert.deepEqual({ registry, repository, digest }, { registry: read.registry, repository: read.repository, digest: read.digest })
    },
  },
  {
    name: 'oci-manifests',
    seeds: [
      `{"schemaVersion":2,"config":{"digest":"sha256:${'a'.repeat(64)}","size":1},"layers":[{"digest":"sha256:${'b'.repeat(64)}","size":2,"urls":["http://a"]}]}`,
      `{"manifests":[{"digest":"sha256:${'c'.repeat(64)}","size":3,"platform":{"os":"linux","architecture":"amd64"}}]}`,
    ],
    words: ['"layers"', '"manifests"', '"config"', '"size"', '"digest"', 'sha256:', '[', ']', '{', '}', '__proto__', 'null'],
    run: async (input) => {
      const client = { read: async () => ({ body: flowOf(one(input)) }) } as never
      const reference = { registry: 'r', repository: 'a', tag: 'b', digest: undefined }
      const read = await fetchManifest(client, reference, { headers: new Map(), signal: new AbortController().signal }).catch((error: unknown) =>
        unlessRefused<undefined>(() => { throw error }, 'ORIGIN_STATUS'),
      )
      const entries = read === undefined ? [] : read.content.type === 'index' ? read.content.manifests : read.content.blobs
      for (const { size, digest } of entries) assert.ok(size >= 0 && /^sha256:[0-9a-f]{64}$/.test(digest))
    },
  },
  {
    name: 's3-urls',
    seeds: ['s3://bucket/a/b%20c?versionId=x', 's3://bucket/'],
    words: ['s3://', '..', '%2f', '%', '?versionId=', '/./', '//'],
    maxBytes: 600,
    run: (input) => {
      const place = unlessRefused(() => parseS3Url(textOf(input)), 'URL_REFUSED')
      if (place === undefined) return
      const url = s3Url(place.bucket, place.key)
      if (url !== undefined) assert.equal(parseS3Url(url).key, place.key)
    },
  },
  {
    name: 'metadata-in-buckets',
    seeds: [METADATA],
    words: ['"record"', '"version"', '"verifiedBytes"', '{', '}', '\\"', 'null', '1e999'],
    run: (input) => {
      const read = decodeMetadata('ab'.repeat(32) as TaskId, Buffer.from(input))
      if (read !== undefined) assert.ok(isCount(read.verifiedBytes))
    },
  },
]

async function* one(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

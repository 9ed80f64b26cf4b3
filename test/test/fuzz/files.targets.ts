import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Bitset, deriveTaskId, parseDigest, redactUrl } from '@damselfly/shared'
import { parseAddress } from '../../../cdn/src/http/public-address.ts'
import { hostOfAddress, plainHost } from '../../../exchange/src/channel/address.ts'
import { formatSupernodeAddress, parseSupernodeAddress } from '../../../exchange/src/control/supernode-address.ts'
import { decodeTaskRecord, encodeTaskRecord } from '../../../exchange/src/store/task-record-codec.ts'
import { decodeTaskState, encodeTaskState } from '../../../exchange/src/store/task-state.ts'
import { readTable } from '../../../exchange/src/store/table/table-file.ts'
import { parseEntry, parseHeader as parseTraceHeader } from '../../../scheduler/src/simulator/trace/trace-format.ts'
import { parseByteRate, parseByteSize } from '../../../shared/src/config/size.ts'
import { parseDuration } from '../../../shared/src/config/duration.ts'
import { parseConfigFile } from '../../../shared/src/config/config-file.ts'
import { formatToken, parseToken } from '../../../supernode/src/access/token-text.ts'
import { localNetworkOf } from '../../../supernode/src/control/local-network.ts'
import { parseAuthority, parseTargetUrl } from '../../../dfdaemon/src/proxy/target.ts'
import { readRegistryRequest } from '../../../dfdaemon/src/mirror/registry-request.ts'
import { mediaTypeOf } from '../../../dfdaemon/src/mirror/media-type.ts'
import { asksForSuffix, firstByteOf, parseRangeHeader, parseRanges } from '../../../dfdaemon/src/http/range.ts'
import { parseHeader } from '../../../dfget/src/header.ts'
import { parseRange } from '../../../dfget/src/range.ts'
import type { FuzzTarget } from '../../src/fuzz/target.ts'
import { latin1Of, textOf, unlessRefused } from '../../src/fuzz/refusals.ts'

const TASK = 'ab'.repeat(32)
const RECORD = '{"url":"http://a/","headers":[["accept","*/*"]],"filteredQueryParams":["a"],"tag":"","application":"","contentLength":5,"pieceSize":1024,"etag":"\\"x\\"","lastModified":"","isPrivate":false}'

let folder = ''

export const targets: readonly FuzzTarget[] = [
  {
    name: 'ranges',
    seeds: ['bytes=0-4', 'bytes=-5', 'bytes=5-', 'bytes=0-1,3-4, -2', '0-5'],
    words: ['bytes=', '-', ','],
    maxBytes: 400,
    run: (input) => {
      const text = latin1Of(input)
      for (const length of [0, 1, 10, 2 ** 40]) {
        const ranges = unlessRefused(() => parseRanges(text, length), 'RANGE_UNSATISFIABLE') ?? []
        const single = unlessRefused(() => parseRangeHeader(text, length), 'RANGE_UNSATISFIABLE')
        for (const { start, end } of [...ranges, ...(single === undefined ? [] : [single])]) assert.ok(start >= 0 && start <= end && end < length, `${start}-${end} of ${length}`)
        assert.ok(ranges.reduce((sum, { start, end }) => sum + end - start + 1, 0) <= length, 'more than the whole is sent')
        assert.ok(firstByteOf(text, length) >= 0)
      }
      asksForSuffix(text)
      unlessRefused(() => parseRange(text), 'USAGE')
      unlessRefused(() => parseHeader(text), 'USAGE')
    },
  },
  {
    name: 'configuration',
    seeds: ['listen:\n  port: 5\norigins:\n  allow: [a, b]\n# said\n', '{"a": {"b": [1, "10MiB", null]}}', 'a: &x [1]\nb: *x\n', '10MiB/s', '1h', '1.5 GB'],
    words: ['&a ', '*a', '<<: ', '!!binary ', '- ', ': ', '? ', '|', '>', '[', '{', '%YAML 1.2\n---\n', '\n  ', '__proto__', 'constructor'],
    run: (input) => {
      const text = textOf(input)
      const { tree, sourceOf } = parseConfigFile({ path: 'file.yaml', text })
      assert.equal(Object.getPrototypeOf({}), Object.prototype)
      for (const key of Object.keys(tree)) sourceOf([key])
      for (const size of [parseByteSize(text), parseByteRate(text), parseDuration(text)]) assert.ok(size === undefined || size >= 0, `a size of ${size}`)
    },
  },
  {
    name: 'records-of-tasks',
    seeds: [RECORD, '{"verifiedBytes":5,"lastUsedAt":1,"trustedSince":0,"stamp":{"mtimeMs":1,"size":2}}'],
    words: ['"url"', '"headers"', '"range"', '"pieceSize"', '"contentLength"', '"expectedDigest"', 'null', '1e999', '__proto__', '[', ']'],
    run: (input) => {
      const text = textOf(input)
      const record = decodeTaskRecord(TASK, text)
      if (record !== undefined) assert.deepEqual(decodeTaskRecord(TASK, encodeTaskRecord(record)), record)
      const state = decodeTaskState(text)
      if (state !== undefined) assert.deepEqual(decodeTaskState(encodeTaskState(state)), state)
    },
  },
  {
    name: 'table-of-tasks',
    seeds: [''],
    start: async () => void (folder = await mkdtemp(join(tmpdir(), 'damselfly-fuzz-'))),
    stop: async () => rm(folder, { recursive: true }),
    run: async (input) => {
      const path = join(folder, 'tasks.table')
      await writeFile(path, input)
      // Any error means that the index is read instead; never is anything made of it.
      const read = await readTable(path, 'generation').catch((error: unknown) => assert.ok(error instanceof Error && !(error instanceof TypeError) && !(error instanceof assert.AssertionError), String(error)))
      if (read !== undefined) assert.equal(read.rows, 0)
    },
  },
  {
    name: 'traces',
    seeds: ['{"trace":"damselfly-scheduler","version":1,"seed":1,"policy":"default"}', '{"at":1,"event":{"type":"time-passed"},"commands":[]}'],
    words: ['"event"', '"commands"', '"type"', '{', '[', 'null'],
    run: (input) => {
      const text = textOf(input)
      unlessRefused(() => parseTraceHeader(text), 'PROTOCOL')
      unlessRefused(() => parseEntry(text, 2), 'PROTOCOL')
    },
  },
  {
    name: 'words',
    seeds: ['PEERID@host:65000', 'libp2p://[::1]:5', 'dfly_0123456789ab_0123456789012345678901234567890123456789012', `sha256:${'a'.repeat(64)}`, '::ffff:192.0.2.1', '10.0.0.1:80', 'http://a:b@host/x?q=1#f', 'host.example:443'],
    words: ['@', ':', '[', ']', '::', 'libp2p://', 'dfly_', 'sha256:', '::ffff:', 'https://'],
    maxBytes: 400,
    run: (input) => {
      const text = textOf(input)
      const address = unlessRefused(() => parseSupernodeAddress(text), 'CONFIG_INVALID')
      if (address !== undefined) {
        assert.ok(address.port >= 0 && address.port < 65_536)
        assert.deepEqual(parseSupernodeAddress(formatSupernodeAddress(address)).host, address.host)
      }
      const token = parseToken(text)
      if (token !== undefined) assert.equal(formatToken(token), text)
      const digest = parseDigest(text)
      assert.ok(digest === undefined || digest.length === 32)
      plainHost(hostOfAddress(text))
      localNetworkOf(hostOfAddress(text))
      parseAddress(text)
      redactUrl(text)
      const target = unlessRefused(() => parseAuthority(text), 'URL_REFUSED')
      if (target !== undefined) assert.ok(target.port > 0 && target.host !== '')
      const url = unlessRefused(() => parseTargetUrl(text), 'URL_REFUSED')
      if (url !== undefined) assert.ok(url.username === '' && url.password === '' && /^https?:$/.test(url.protocol))
      if (URL.canParse(text)) deriveTaskId({ url: text, filteredQueryParams: ['q'] })
      Bitset.fromBytes(input.subarray(0, 1), 8)
    },
  },
  {
    name: 'requests-to-registries',
    seeds: [`/v2/library/alpine/blobs/sha256:${'a'.repeat(64)}?ns=docker.io`, '/v2/quay.io/a/b/manifests/latest', '/v2/localhost__5000/a/manifests/3', '{"mediaType":"x","manifests":[]}'],
    words: ['/v2/', '?ns=', '/manifests/', '/blobs/', 'sha256:', '..', '%2e%2e', '//', '@', ':', '__80'],
    maxBytes: 1000,
    run: (input) => {
      const text = textOf(input)
      const request = readRegistryRequest(text, 'docker.io')
      mediaTypeOf(input)
      if (request === undefined) return
      assert.ok(request.path === '/v2' || request.path.startsWith('/v2/') || request.path.startsWith('/v2?'), request.path)
      // Nobody but a host goes before the path, whatever is written.
      const url = new URL(`http://${request.registry}${request.path}`)
      assert.equal(url.username, '')
      assert.ok(url.pathname.startsWith('/v2'), `${url.href} leaves /v2`)
    },
  },
]


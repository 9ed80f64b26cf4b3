/// <reference types="mocha" />
import assert from 'node:assert/strict'
import { collect, type ByteRange } from '@damselfly/shared'
import type { OriginRequest, OriginResponse, SourceClient } from '../source-client.ts'
import type { FaultOrigin } from './fault-origin.ts'
import { generatedContent } from './origin-content.ts'

/** What a kind of origin knows; each is so unless it is said otherwise. */
export interface SourceTraits {
  /** Callers prove themselves by headers: `requireHeader`. */
  readonly credentials?: boolean
  /** An answer can end too early: `cut`. */
  readonly cuts?: boolean
  /** What a URL names may change: `seed`. */
  readonly changes?: boolean
}

/** A source client and an origin that it can reach. */
export interface SourceClientHarness {
  readonly client: SourceClient
  /** Of the client's own kind; it has to serve `size`, `status` 404, what the traits name, and `pauseAfter` where it can. */
  readonly origin: Pick<FaultOrigin, 'add' | 'stats' | 'when' | 'resume'>
  /** Closes both. */
  dispose(): Promise<void>
}

const SIZE = 200_000
const CONTENT = generatedContent(SIZE)
const VALIDATORS = { etag: '', lastModified: '' }

/** Declares, with mocha, what every source client has to do. */
export function describeSourceClient(name: string, createHarness: () => Promise<SourceClientHarness>, traits: SourceTraits = {}): void {
  const { credentials = true, cuts = true, changes = true } = traits
  describe(`${name} as a source client`, () => {
    let harness: SourceClientHarness
    beforeEach(async () => void (harness = await createHarness()))
    afterEach(() => harness.dispose())

    const read = (url: string, more: Partial<OriginRequest> = {}): Promise<OriginResponse> =>
      harness.client.read(requestFor(url, more))

    describe('reading', () => {
      it('gives the whole content and what is known of it', async () => {
        const response = await read(harness.origin.add('/f', { size: SIZE }))
        assert.equal(response.start, 0)
        assert.equal(response.bodyLength, SIZE)
        assert.equal(response.contentLength, SIZE)
        assert.notDeepEqual(response.validators, VALIDATORS)
        assert.deepEqual(await collect(response.body), CONTENT)
      })

      it('gives the bytes in order, and waits for whoever takes them', async () => {
        const { body } = await read(harness.origin.add('/f', { size: SIZE }))
        const taken: Buffer[] = []
        let isBusy = false
        await body.pipe(async (bytes) => {
          assert.equal(isBusy, false)
          isBusy = true
          taken.push(Buffer.copyBytesFrom(bytes))
          await new Promise(setImmediate)
          isBusy = false
        })
        assert.deepEqual(Buffer.concat(taken), CONTENT)
      })

      it('gives an empty content', async () => {
        const response = await read(harness.origin.add('/f', { size: 0 }))
        assert.equal(response.contentLength, 0)
        assert.deepEqual(await collect(response.body), Buffer.alloc(0))
      })

      const ranges: readonly ByteRange[] = [{ start: 0, end: 0 }, { start: 5, end: 99 }, { start: SIZE - 1 }, { start: 1 }]
      for (const range of ranges) {
        it(`gives bytes ${range.start}-${range.end ?? ''}`, async () => {
          const response = await read(harness.origin.add('/f', { size: SIZE }), { range })
          assert.equal(response.start, range.start)
          assert.equal(response.contentLength, SIZE)
          assert.equal(response.bodyLength, (range.end ?? SIZE - 1) - range.start + 1)
          assert.deepEqual(await collect(response.body), CONTENT.subarray(range.start, (range.end ?? SIZE) + 1))
        })
      }

      it('gives what there is of a range that goes past the end', async () => {
        const response = await read(harness.origin.add('/f', { size: SIZE }), { range: { start: SIZE - 3, end: SIZE + 9 } })
        assert.deepEqual(await collect(response.body), CONTENT.subarray(SIZE - 3))
      })

      it('refuses a range that begins past the end', async () => {
        const url = harness.origin.add('/f', { size: SIZE })
        await assert.rejects(read(url, { range: { start: SIZE } }), { code: 'RANGE_UNSATISFIABLE' })
      })

      it('gives a range of a content that is still the same', async () => {
        const url = harness.origin.add('/f', { size: SIZE })
        const { validators: ifMatch } = await harness.client.probe(requestFor(url))
        const response = await read(url, { range: { start: 7 }, ifMatch })
        assert.deepEqual(await collect(response.body), CONTENT.subarray(7))
      })

      if (changes) it('refuses a range of a content that has changed', async () => {
        const url = harness.origin.add('/f', { size: SIZE })
        const { validators: ifMatch } = await harness.client.probe(requestFor(url))
        harness.origin.add('/f', { size: SIZE, seed: 2 })
        await assert.rejects(read(url, { range: { start: 7 }, ifMatch }), { code: 'ORIGIN_CHANGED' })
      })

      if (cuts) it('tells a body that ends too early', async () => {
        const response = await read(harness.origin.add('/f', { size: SIZE, cut: { after: 1000 } }))
        await assert.rejects(collect(response.body), { code: 'ORIGIN_SHORT' })
      })

      it('tells that there is no such content', async () => {
        await assert.rejects(read(harness.origin.add('/f', { status: 404 })), { code: 'ORIGIN_NOT_FOUND' })
      })

      if (credentials) it('tells that the caller may not have it, and gives it to one who may', async () => {
        const url = harness.origin.add('/f', { size: SIZE, requireHeader: ['authorization', 'Bearer me'] })
        await assert.rejects(read(url), { code: 'ORIGIN_UNAUTHORIZED' })
        const response = await read(url, { headers: new Map([['authorization', 'Bearer me']]) })
        assert.deepEqual(await collect(response.body), CONTENT)
      })

      it('refuses a scheme that it does not serve', async () => {
        await assert.rejects(read('gopher://example.com/'), { code: 'URL_REFUSED' })
        await assert.rejects(read('nonsense'), { code: 'URL_REFUSED' })
      })
    })

    describe('being left', () => {
      const reason = new Error('no longer wanted')

      it("throws the signal's reason before it asks", async () => {
        const url = harness.origin.add('/f', { size: SIZE })
        await assert.rejects(read(url, { signal: AbortSignal.abort(reason) }), reason)
        assert.equal(harness.origin.stats('/f').gets, 0)
      })

      it("throws the signal's reason in the middle of the body", async () => {
        const controller = new AbortController()
        const url = harness.origin.add('/f', { size: SIZE, pauseAfter: 1000 })
        const response = await read(url, { signal: controller.signal })
        const reading = collect(response.body)
        controller.abort(reason)
        await assert.rejects(reading, reason)
        await harness.origin.when('/f', ({ open }) => open === 0)
      })

      it('ends the request when the body is given up in the middle', async () => {
        const response = await read(harness.origin.add('/f', { size: SIZE, pauseAfter: 1000 }))
        await response.body.pipe(() => {
          response.body.cancel()
          return undefined
        })
        await harness.origin.when('/f', ({ open }) => open === 0)
      })

      it('ends the request, and tells why, when the sink throws', async () => {
        const response = await read(harness.origin.add('/f', { size: SIZE, pauseAfter: 1000 }))
        const failure = new Error('no room')
        await assert.rejects(response.body.pipe(() => Promise.reject(failure)), failure)
        await harness.origin.when('/f', ({ open }) => open === 0)
      })

      it('ends the request when the body is given up before it was read', async () => {
        const response = await read(harness.origin.add('/f', { size: SIZE, pauseAfter: 1000 }))
        response.body.cancel()
        await harness.origin.when('/f', ({ open }) => open === 0)
      })
    })

    describe('probing', () => {
      it('learns as much as reading does, without a body', async () => {
        const url = harness.origin.add('/f', { size: SIZE })
        const info = await harness.client.probe(requestFor(url))
        assert.equal(harness.origin.stats('/f').bodyBytes, 0)
        const { contentLength, acceptsRanges, validators, body } = await read(url, { range: { start: 0, end: 0 } })
        body.cancel()
        const probed = { contentLength: info.contentLength, acceptsRanges: info.acceptsRanges, validators: info.validators }
        assert.deepEqual(probed, { contentLength, acceptsRanges, validators })
      })

      it('tells what reading would tell', async () => {
        const missing = requestFor(harness.origin.add('/f', { status: 404 }))
        await assert.rejects(harness.client.probe(missing), { code: 'ORIGIN_NOT_FOUND' })
        if (credentials) {
          const secret = requestFor(harness.origin.add('/g', { size: 1, requireHeader: ['authorization', 'x'] }))
          await assert.rejects(harness.client.probe(secret), { code: 'ORIGIN_UNAUTHORIZED' })
        }
        await assert.rejects(harness.client.probe(requestFor('gopher://example.com/')), { code: 'URL_REFUSED' })
      })
    })
  })
}

function requestFor(url: string, more: Partial<OriginRequest> = {}): OriginRequest {
  return { url, headers: new Map(), signal: new AbortController().signal, ...more }
}

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { generatedContent, type FaultOrigin, type OriginContent } from '@damselfly/cdn/testing'
import type { ErrorCode } from '@damselfly/shared'
import { createWaysLab, digestOf, failsCleanly, wayArguments, WAYS, type WaysLab } from '@damselfly/test'

const MIB = 1024 ** 2
const SIZE = 3 * MIB + 5

interface Refusal {
  readonly what: string
  readonly content: OriginContent
  readonly code: ErrorCode
}

const refusals: readonly Refusal[] = [
  { what: 'does not have the content', content: { status: 404 }, code: 'ORIGIN_NOT_FOUND' },
  { what: 'wants credentials', content: { requireHeader: ['authorization', 'Bearer right'] }, code: 'ORIGIN_UNAUTHORIZED' },
  { what: 'redirects in circles', content: { redirectTo: '/redirects-in-circles' }, code: 'ORIGIN_REDIRECTS' },
  { what: 'redirects to another scheme', content: { redirectTo: 'file:///etc/passwd' }, code: 'ORIGIN_REDIRECTS' },
  { what: 'sends more than it announces', content: { size: SIZE, announced: SIZE - 1000, ranges: false }, code: 'ORIGIN_LONG' },
]

/** What might pass is tried again for a while. */
const troubles: readonly Refusal[] = [
  { what: 'is out of order', content: { status: 503 }, code: 'ORIGIN_STATUS' },
  { what: 'always ends too early', content: { size: SIZE, cut: { after: 0, times: Infinity } }, code: 'ORIGIN_SHORT' },
  { what: 'announces more than it has', content: { size: SIZE, announced: SIZE + 1000, ranges: false }, code: 'ORIGIN_SHORT' },
]

const recoveries: readonly (readonly [what: string, content: OriginContent])[] = [
  ['breaks off once', { size: SIZE, cut: { after: MIB + 100 } }],
  ['breaks off once and serves no ranges', { size: SIZE, ranges: false, cut: { after: MIB + 100 } }],
  ['breaks off every answer after a while', { size: SIZE, cut: { after: MIB + 100, times: Infinity } }],
  ['is overloaded at first', { size: SIZE, failFirst: { times: 2, status: 503 } }],
  ['does not know HEAD', { size: SIZE, headStatus: 405 }],
]

describe('an origin that', function () {
  this.timeout(120_000)
  let ways: WaysLab
  let origin: FaultOrigin
  const digest = createHash('sha256').update(generatedContent(SIZE)).digest('hex')

  before(async () => {
    ways = await createWaysLab()
    origin = await ways.lab.faultOrigin()
  })

  after(() => ways.lab.stop())

  async function fails({ what, content, code }: Refusal): Promise<void> {
    const url = origin.add(`/${what.replaceAll(' ', '-')}`, content)
    const runs = WAYS.map((way) => {
      const existing = way === 'with a peer of its own'
      return failsCleanly(ways.lab, [url, ...wayArguments(ways, way)], code, { existing })
    })
    await Promise.all(runs)
  }

  for (const refusal of refusals) {
    it(`${refusal.what} fails every way: ${refusal.code}`, () => fails(refusal))
  }

  it(`${troubles.map(({ what }) => what).join(', or ')} fails every way in the end`, async () => {
    await Promise.all(troubles.map(fails))
  })

  it('shows a certificate that nobody vouches for fails every way: ORIGIN_TLS', async () => {
    const secure = await ways.lab.faultOrigin({ tls: true })
    const url = secure.add('/file', { size: SIZE })
    await Promise.all(WAYS.map((way) => failsCleanly(ways.lab, [url, ...wayArguments(ways, way)], 'ORIGIN_TLS')))
    assert.equal(secure.stats('/file').gets, 0)

    const ca = ways.lab.path('ca.pem')
    await writeFile(ca, secure.ca.join(''))
    const [output, args] = [ways.lab.path('secure'), wayArguments(ways, 'alone')]
    const exit = await ways.lab.dfget([url, '-o', output, ...args], { env: { NODE_EXTRA_CA_CERTS: ca } }).exited
    assert.equal(exit.code, 0, exit.stderr)
    assert.equal(await digestOf(output), digest)
  })

  it('has another content than was asked for fails every way: DIGEST_MISMATCH', async () => {
    const url = origin.add('/other', { size: SIZE })
    const expected = `sha256:${'0'.repeat(63)}1`
    const runs = WAYS.map(async (way) => {
      const exit = await failsCleanly(ways.lab, [url, '--digest', expected, ...wayArguments(ways, way)], 'DIGEST_MISMATCH', {
        existing: way !== 'alone',
      })
      assert.ok(exit.stderr.includes(digest) && exit.stderr.includes(expected), exit.stderr)
    })
    await Promise.all(runs)
  })

  for (const [i, [what, content]] of recoveries.entries()) {
    it(`${what} fails nobody`, async () => {
      const downloads = WAYS.map(async (way, j) => {
        const output = ways.lab.path(`recovered-${i}-${j}`)
        const url = origin.add(`/recovery-${i}-${j}`, content)
        const exit = await ways.lab.dfget([url, '-o', output, ...wayArguments(ways, way)]).exited
        assert.equal(exit.code, 0, exit.stderr)
        assert.equal(await digestOf(output), digest)
      })
      await Promise.all(downloads)
    })
  }
})

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { generatedContent, type FaultOrigin } from '@damselfly/cdn/testing'
import { assertFailure, createWaysLab, wayArguments, WAYS, type WaysLab } from '@damselfly/test'

const MIB = 1024 ** 2
const SIZE = 8 * MIB + 11

describe('standard output as output', function () {
  this.timeout(120_000)
  let ways: WaysLab
  let origin: FaultOrigin
  before(async () => {
    ways = await createWaysLab()
    origin = await ways.lab.faultOrigin()
  })

  after(() => ways.lab.stop())

  for (const [i, way] of WAYS.entries()) {
    it(`gets the content in order ${way}, and its beginning while the origin has not sent the rest`, async () => {
      const path = `/slow-${i}`
      // Ranges would let it pass the place where the origin waits.
      const url = origin.add(path, { size: SIZE, ranges: false, pauseAfter: 4 * MIB })
      const dfget = ways.lab.dfget([url, '-o', '-', ...wayArguments(ways, way)], { rawOutput: true })
      const chunks: Uint8Array[] = []
      dfget.output.on('data', (bytes: Uint8Array) => chunks.push(bytes))
      await once(dfget.output, 'data')
      const { open, bodyBytes } = origin.stats(path)
      assert.equal(open, 1)
      assert.ok(bodyBytes < SIZE, `${bodyBytes} bytes sent already`)
      origin.resume(path)
      const { code, stderr } = await dfget.exited
      assert.equal(code, 0, stderr)
      assert.ok(Buffer.concat(chunks).equals(generatedContent(SIZE)))
      assert.match(stderr, /^standard output: 8\.00 MiB in [^\n]*\n$/)
    })

    it(`ends quietly ${way} when its reader has seen enough`, async () => {
      const path = `/long-${i}`
      const url = origin.add(path, { size: SIZE, ranges: false, pauseAfter: 4 * MIB })
      const dfget = ways.lab.dfget([url, '-o', '-', ...wayArguments(ways, way)], { rawOutput: true })
      await once(dfget.output, 'data')
      dfget.output.destroy()
      origin.resume(path)
      const { code, stderr } = await dfget.exited
      assert.equal(stderr, '')
      assert.equal(code, 0)
    })
  }

  it('gets nothing but the content with --json, which goes to standard error', async () => {
    const url = origin.add('/json', { size: SIZE })
    const dfget = ways.lab.dfget([url, '-o', '-', '--json', ...wayArguments(ways, 'alone')], { rawOutput: true })
    const chunks: Uint8Array[] = []
    for await (const bytes of dfget.output) chunks.push(bytes as Uint8Array)
    const { code, stderr } = await dfget.exited
    assert.equal(code, 0, stderr)
    assert.ok(Buffer.concat(chunks).equals(generatedContent(SIZE)))
    const types = stderr.trim().split('\n').map((line) => (JSON.parse(line) as { type: string }).type)
    assert.deepEqual([...new Set(types)], ['progress', 'done'])
  })

  it('says on standard error what went wrong in the middle, after what was right', async () => {
    const url = origin.add('/cut', { size: SIZE, ranges: false, cut: { after: 4 * MIB, times: Infinity } })
    const dfget = ways.lab.dfget([url, '-o', '-', ...wayArguments(ways, 'alone')], { rawOutput: true })
    const chunks: Uint8Array[] = []
    for await (const bytes of dfget.output) chunks.push(bytes as Uint8Array)
    assertFailure(await dfget.exited, 'ORIGIN_SHORT')
    const shown = Buffer.concat(chunks)
    assert.ok(shown.equals(generatedContent(SIZE).subarray(0, shown.length)))
  })
})

import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { generatedContent, type FaultOrigin } from '@damselfly/cdn/testing'
import { createWaysLab, RunningDownload, wayArguments, WAYS, type DownloadDone, type Way, type WaysLab } from '@damselfly/test'

const MIB = 1024 ** 2
const SIZE = 5 * MIB + 9
const [OLD, NEW] = [1, 2]

describe('a content that changes at the origin', function () {
  this.timeout(120_000)
  let ways: WaysLab
  let origin: FaultOrigin

  before(async () => {
    ways = await createWaysLab()
    origin = await ways.lab.faultOrigin()
  })

  after(() => ways.lab.stop())

  async function get(url: string, output: string, way: Way): Promise<DownloadDone> {
    const args = [url, '-o', output, '--json', ...wayArguments(ways, way)]
    return new RunningDownload(ways.lab.dfget(args)).done()
  }

  it('is fetched anew by a dfdaemon without a supernode that holds the old one', async () => {
    const daemon = await ways.lab.daemon('lonely', { config: { freshFor: 0 } })
    const output = ways.lab.path('between')
    const url = origin.add('/between', { size: SIZE, seed: OLD })
    await ways.lab.download(url, output, daemon).done()
    assert.ok((await readFile(output)).equals(generatedContent(SIZE, OLD)))
    origin.add('/between', { size: SIZE, seed: NEW })
    const done = await ways.lab.download(url, output, daemon).done()
    assert.ok((await readFile(output)).equals(generatedContent(SIZE, NEW)))
    assert.equal(done.bytesFrom.held, 0)
  })

  for (const [i, way] of WAYS.entries()) {
    it(`in the middle of a download is never mixed with the old one ${way}`, async () => {
      const output = ways.lab.path(`during-${i}`)
      const path = `/during-${i}`
      const changed = { size: SIZE, seed: NEW }
      const url = origin.add(path, { size: SIZE, seed: OLD, cut: { after: 3 * MIB }, later: { after: 1, content: changed } })
      await get(url, output, way)
      assert.ok((await readFile(output)).equals(generatedContent(SIZE, NEW)))
    })
  }

  it('between two tries of a dfget alone is never mixed with the old one', async () => {
    const output = ways.lab.path('tried')
    const args = ['-o', output, '--json', ...wayArguments(ways, 'alone')]
    const url = origin.add('/tries', { size: SIZE, seed: OLD, pauseAfter: 3 * MIB })
    const broken = new RunningDownload(ways.lab.dfget([url, ...args]))
    await broken.reached(2 * MIB)
    broken.program.kill('SIGKILL')
    await broken.program.exited
    origin.add('/tries', { size: SIZE, seed: NEW })
    await new RunningDownload(ways.lab.dfget([url, ...args])).done()
    assert.ok((await readFile(output)).equals(generatedContent(SIZE, NEW)))
  })
})

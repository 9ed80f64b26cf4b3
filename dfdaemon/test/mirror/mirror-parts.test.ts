import assert from 'node:assert/strict'
import { formatDigest, sha256 } from '@damselfly/shared'
import { MirroredRegistry, pathOfBlob, serves, type MirroredRegistryInit } from './mirrored-registry.ts'

const content = Buffer.from(Array.from({ length: 300_000 }, (_, index) => index % 251))
const PATH = pathOfBlob(content)
const never = new Promise<void>(() => undefined)

describe('the mirror, asked for parts of a blob', () => {
  let mirrored: MirroredRegistry
  const start = async (init: MirroredRegistryInit): Promise<void> => void (mirrored = await MirroredRegistry.start(init))
  afterEach(() => mirrored.stop())

  it('gives them before the rest is here', async () => {
    await start({ answer: serves(content), contents: { [PATH]: { bytes: content } }, beforePiece: (index) => (index < 3 ? Promise.resolve() : never) })
    const { status, headers, bytes } = await mirrored.ask(PATH, { range: 'bytes=70000-79999' })
    assert.deepEqual([status, headers['content-range'], headers['content-length']], [206, 'bytes 70000-79999/300000', '10000'])
    assert.ok(bytes.equals(content.subarray(70_000, 80_000)))
    assert.ok(mirrored.peer.downloads.every((download) => download.released))
  })

  for (const [range, start_, end] of [['bytes=299990-', 299_990, 299_999], ['bytes=-5', 299_995, 299_999], ['bytes=100-999999', 100, 299_999]] as const) {
    it(`understands ${range}`, async () => {
      await start({ answer: serves(content), contents: { [PATH]: { bytes: content } } })
      const { status, headers, bytes } = await mirrored.ask(PATH, { range })
      assert.deepEqual([status, headers['content-range']], [206, `bytes ${start_}-${end}/300000`])
      assert.ok(bytes.equals(content.subarray(start_, end + 1)))
    })
  }

  it('gives several as one body', async () => {
    await start({ answer: serves(content), contents: { [PATH]: { bytes: content } } })
    const { status, headers, bytes } = await mirrored.ask(PATH, { range: 'bytes=0-9, 1000-1009,-10' })
    assert.equal(status, 206)
    const boundary = /^multipart\/byteranges; boundary=(.+)$/.exec(headers['content-type'] ?? '')?.[1]
    const parts = bytes.toString('latin1').split(`--${boundary}`)
    assert.deepEqual(
      parts.slice(1, -1).map((part) => /content-range: (.*)\r\n/.exec(part)?.[1]),
      ['bytes 0-9/300000', 'bytes 1000-1009/300000', 'bytes 299990-299999/300000'],
    )
    assert.ok(parts[2]?.endsWith(`\r\n\r\n${content.subarray(1000, 1010).toString('latin1')}\r\n`))
    assert.equal(headers['content-length'], String(bytes.length))
  })

  it('says how long the content is when there is no such part', async () => {
    await start({ answer: serves(content), contents: { [PATH]: { bytes: content } } })
    const { status, headers, bytes } = await mirrored.ask(PATH, { range: 'bytes=300000-' })
    assert.deepEqual([status, headers['content-range'], JSON.parse(bytes.toString()).errors[0].code], [416, 'bytes */300000', 'RANGE_INVALID'])
  })

  it('gives all of it to one who means another content', async () => {
    await start({ answer: serves(content), contents: { [PATH]: { bytes: content } } })
    assert.equal((await mirrored.ask(PATH, { range: 'bytes=0-9', 'if-range': '"other"' })).status, 200)
    assert.equal((await mirrored.ask(PATH, { range: 'bytes=0-9', 'if-range': `"${formatDigest(sha256(content))}"` })).status, 206)
  })

  it('says in answer to HEAD that it has parts', async () => {
    await start({ answer: serves(content) })
    assert.equal((await mirrored.ask(PATH, {}, 'HEAD')).headers['accept-ranges'], 'bytes')
  })
})

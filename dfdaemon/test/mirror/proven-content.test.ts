import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { sha256 } from '@damselfly/shared'
import { proven } from '../../src/mirror/proven-content.ts'

describe('a content with a digest', () => {
  const parts = [Buffer.from('the first part, '), Buffer.from('the second')]
  const whole = Buffer.concat(parts)

  async function shown(chunks: readonly Uint8Array[], digest: ReturnType<typeof sha256>, length = whole.length): Promise<{ bytes: Buffer; error: unknown }> {
    const seen: Uint8Array[] = []
    try {
      for await (const bytes of proven(Readable.from(chunks), length, digest)) seen.push(bytes)
      return { bytes: Buffer.concat(seen), error: undefined }
    } catch (error) {
      return { bytes: Buffer.concat(seen), error }
    }
  }

  it('is shown as it comes', async () => {
    assert.deepEqual(await shown(parts, sha256(whole)), { bytes: whole, error: undefined })
    assert.deepEqual(await shown([], sha256(Buffer.alloc(0)), 0), { bytes: Buffer.alloc(0), error: undefined })
  })

  it('is never shown to its end when it is another', async () => {
    const { bytes, error } = await shown(parts, sha256(Buffer.from('another')))
    assert.deepEqual(bytes, parts[0])
    assert.equal((error as { code?: string }).code, 'DIGEST_MISMATCH')
  })
})

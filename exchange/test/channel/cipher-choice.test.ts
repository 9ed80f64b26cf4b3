import assert from 'node:assert/strict'
import { cipherSuites, hasAesFlag } from '../../src/channel/cipher-choice.ts'

describe('the choice of a cipher', () => {
  const first = (cpuInfo: string): string | undefined => cipherSuites(hasAesFlag(cpuInfo)).split(':')[0]

  it('is AES where the processor has it', () => {
    assert.match(first('processor\t: 0\nflags\t\t: fpu vme sse2 aes avx\n') ?? '', /AES_128/)
    assert.match(first('processor\t: 0\nFeatures\t: fp asimd aes sha2\n') ?? '', /AES_128/)
  })

  it('is ChaCha20 where it has not', () => {
    assert.match(first('processor\t: 0\nFeatures\t: fp asimd crc32 maes\n') ?? '', /CHACHA20/)
  })

  it('is AES where nobody tells', () => {
    assert.match(first('') ?? '', /AES_128/)
  })
})

import assert from 'node:assert/strict'
import { Writable } from 'node:stream'
import { DamselflyError, isDamselflyError } from '@damselfly/shared'
import { writeContent } from '../../src/output/write-stream.ts'

async function* parts(...texts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text)
}

function failing(code: string): Writable {
  return new Writable({ write: (_chunk, _encoding, done) => done(Object.assign(new Error(code), { code })) })
}

describe('writing the content to a stream', () => {
  it('waits for a slow reader and leaves the stream open', async () => {
    const taken: string[] = []
    let asked = 0
    async function* content(): AsyncGenerator<Uint8Array> {
      for (const text of ['a', 'b', 'c']) {
        asked++
        yield Buffer.from(text)
      }
    }
    const stream = new Writable({
      write(chunk, _encoding, done) {
        taken.push(String(chunk))
        assert.equal(asked, taken.length)
        setImmediate(done)
      },
    })
    assert.equal(await writeContent(content(), stream, 'x'), true)
    assert.deepEqual(taken, ['a', 'b', 'c'])
    assert.equal(stream.writableEnded, false)
  })

  it('ends quietly when the reader is gone', async () => {
    assert.equal(await writeContent(parts('a', 'b'), failing('EPIPE'), 'x'), false)
  })

  it('says when it cannot write', async () => {
    await assert.rejects(writeContent(parts('a'), failing('ENOSPC'), 'x'), (error) => isDamselflyError(error, 'DISK_FULL'))
  })

  it('passes on why the content failed', async () => {
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('a')
      throw new DamselflyError('ORIGIN_SHORT', 'cut')
    }
    const sink = new Writable({ write: (_chunk, _encoding, done) => done() })
    await assert.rejects(writeContent(broken(), sink, 'x'), (error) => isDamselflyError(error, 'ORIGIN_SHORT'))
    await new Promise(setImmediate)
    assert.equal(sink.listenerCount('error'), 0)
  })
})

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bencode } from '../../src/swarm/bencode.ts'
import { torrentOf } from '../../src/swarm/torrent.ts'
import { Tracker } from '../../src/swarm/tracker.ts'

describe('bencode', () => {
  it('writes numbers, byte strings and dictionaries in the order of their keys', () => {
    assert.equal(bencode({ spam: 'eggs', cow: { moo: 4 } }).toString(), 'd3:cowd3:mooi4ee4:spam4:eggse')
    assert.deepEqual(bencode(Buffer.from([0xff])), Buffer.from([0x31, 0x3a, 0xff]))
  })
})

describe('a torrent', () => {
  it('has the SHA-1 of each piece', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'damselfly-torrent-'))
    try {
      await writeFile(join(folder, 'file'), 'aaaabbbb')
      const torrent = await torrentOf(join(folder, 'file'), 4, 'http://tracker')
      const digests = ['aaaa', 'bbbb'].map((piece) => createHash('sha1').update(piece).digest())
      const info = { length: 8, name: 'file', 'piece length': 4, pieces: Buffer.concat(digests) }
      assert.deepEqual(torrent, bencode({ announce: 'http://tracker', info }))
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})

describe('a tracker', () => {
  it('tells each peer of the others until they stop', async () => {
    const tracker = await Tracker.start()
    const announce = async (port: number, event = ''): Promise<Buffer> => {
      const response = await fetch(`${tracker.url}?info_hash=%ff&port=${port}&event=${event}`)
      return Buffer.from(await response.arrayBuffer())
    }
    try {
      const known = tracker.peersAre(2)
      await announce(258)
      const answer = await announce(772, 'started')
      await known
      assert.deepEqual(answer, bencode({ interval: 2, peers: Buffer.from([127, 0, 0, 1, 1, 2]) }))
      await announce(258, 'stopped')
      assert.deepEqual(await announce(772), bencode({ interval: 2, peers: '' }))
    } finally {
      await tracker.stop()
    }
  })
})

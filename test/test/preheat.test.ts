import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { FaultOrigin } from '@damselfly/cdn/testing'
import { Lab, until, type Daemon, type Supernode } from '@damselfly/test'

const MIB = 1024 ** 2
const SIZE = 24 * MIB

interface Preheat {
  readonly id: string
  readonly state: string
  readonly targets: { readonly total: number; readonly done: number }
  readonly bytes: { readonly cdn: number; readonly peers: number }
  readonly results: readonly { readonly taskId: string; readonly error: unknown }[]
}

describe('a preheat', function () {
  this.timeout(120_000)
  let lab: Lab
  let origin: FaultOrigin
  let supernode: Supernode
  let peers: readonly Daemon[]

  before(async () => {
    lab = await Lab.create()
    origin = await lab.faultOrigin()
    supernode = await lab.supernode()
    const supernodes = [supernode.address]
    const settings = (name: string) => ({ supernodes, config: { preheat: name !== 'unwilling' } })
    peers = await Promise.all(['a', 'b', 'c', 'unwilling'].map((name) => lab.daemon(name, settings(name))))
    await until(async () => (await supernode.metric('damselfly_supernode_peers')) === peers.length)
  })

  after(() => lab.stop())

  const ask = (body: object): Promise<Preheat> => supernode.send('POST', '/api/v1/preheats', body)
  const look = (id: string): Promise<Preheat> => supernode.get(`/api/v1/preheats/${id}`)
  const over = async (id: string): Promise<Preheat> => {
    await until(async () => !['waiting', 'running'].includes((await look(id)).state))
    return look(id)
  }
  const holders = async (taskId: string): Promise<number> => {
    const lists = await Promise.all(peers.map((peer) => peer.call<{ tasks: { taskId: string; state: string }[] }>('GET', '/api/v1/tasks')))
    return lists.filter(({ tasks }) => tasks.some((task) => task.taskId === taskId && task.state === 'complete')).length
  }

  it('brings a content to as many peers as were asked for, and reads the origin once', async () => {
    const urls = [origin.add('/file', { size: SIZE })]
    const asked = await ask({ urls, peers: 2, key: 'nightly' })
    assert.equal((await ask({ urls, peers: 2, key: 'nightly' })).id, asked.id)
    const { state, targets, bytes, results } = await over(asked.id)
    assert.deepEqual([state, targets.total, targets.done], ['done', 2, 2])
    assert.deepEqual(bytes, { cdn: SIZE, peers: 2 * SIZE })
    assert.equal(await holders(results[0]?.taskId ?? ''), 2)
    assert.equal(origin.stats('/file').bodyBytes, SIZE)
    const pinned = `/api/v1/tasks/${results[0]?.taskId}`
    await supernode.send('POST', `${pinned}/pin`)
    await assert.rejects(supernode.send('POST', `${pinned}/evict`), /409.*TASK_PINNED/)
    await supernode.send('POST', `${pinned}/unpin`)
    assert.deepEqual(await supernode.send('POST', `${pinned}/refresh`), { changed: false })
    // The third one gets it without the origin as well, and the one that takes no preheats is left out.
    const all = await over((await ask({ urls, scope: 'all' })).id)
    assert.deepEqual([all.state, all.targets.total, all.targets.done], ['done', 3, 3])
    assert.equal(origin.stats('/file').bodyBytes, SIZE)
    const { hits, bytesSaved, version } = await supernode.get<{ hits: number; bytesSaved: number; version: { etag: string } }>(pinned)
    // Two were brought in by the fetch itself or after it, the third asked for what was there.
    assert.ok(hits >= 1)
    assert.equal(bytesSaved, 3 * SIZE - SIZE)
    assert.notEqual(version.etag, '')
  })

  it('is asked for on the command line, which says how it goes', async () => {
    const url = origin.add('/told', { size: SIZE, seed: 4 })
    const ways = ['--management', supernode.url, '--token-file', join(supernode.dataDir, 'admin-token')]
    const { code, stdout } = await lab.dfget(['preheat', url, '--peers', '1', ...ways]).exited
    assert.equal(code, 0)
    assert.match(stdout, /^preheat [0-9a-f]{12}\n[^]*done: 1 of 1 at the supernode \(24.0 MiB\), 1 of 1 at peers \(24.0 MiB\)$/)
    const missing = await lab.dfget(['preheat', `${url}-not`, ...ways]).exited
    assert.equal(missing.code, 3)
    assert.match(missing.stderr, /ORIGIN_NOT_FOUND/)
  })

  it('goes on after the supernode was killed in the middle, with credentials that end with it', async () => {
    const requireHeader = ['authorization', 'Bearer top-secret'] as const
    const urls = [origin.add('/private', { size: SIZE, seed: 2, pauseAfter: 12 * MIB, requireHeader })]
    const { id } = await ask({ urls, peers: 2, headers: [requireHeader] })
    await until(async () => (await look(id)).bytes.cdn >= 8 * MIB)
    assert.doesNotMatch(JSON.stringify([await look(id), await supernode.get('/api/v1/preheats')]), /top-secret/)
    supernode.program.kill('SIGKILL')
    await supernode.program.exited
    supernode = await lab.supernode()
    assert.equal((await look(id)).state, 'running')
    origin.resume('/private')
    const { state, targets, results } = await over(id)
    assert.deepEqual([state, targets.done], ['done', 2])
    assert.equal(await holders(results[0]?.taskId ?? ''), 2)
    const again = origin.stats('/private').bodyBytes - SIZE
    assert.ok(again <= 6 * MIB, `${again} bytes came twice`)
    const directory = join(supernode.dataDir, 'preheats')
    const files = await Promise.all((await readdir(directory)).map((name) => readFile(join(directory, name), 'utf8')))
    assert.ok(files.length > 0 && files.every((text) => !text.includes('top-secret')))
  })

  it('ends when it is cancelled, and is forgotten when it is deleted', async () => {
    const urls = [origin.add('/slow', { size: SIZE, seed: 3, pauseAfter: 8 * MIB })]
    const { id } = await ask({ urls, scope: 'all' })
    await until(async () => (await look(id)).bytes.peers > 0)
    assert.equal((await supernode.send<Preheat>('POST', `/api/v1/preheats/${id}/cancel`)).state, 'cancelled')
    await until(async () => {
      const status = await Promise.all(peers.map((peer) => peer.call<{ downloads: number }>('GET', '/api/v1/status')))
      return status.every(({ downloads }) => downloads === 0)
    })
    await supernode.send('DELETE', `/api/v1/preheats/${id}`)
    await assert.rejects(look(id), /404.*PREHEAT_NOT_FOUND/)
    origin.resume('/slow')
  })
})

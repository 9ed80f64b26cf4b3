import { CreateBucketCommand, DeleteBucketCommand, ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3'
import type { PieceStore, StoredTask } from '@damselfly/exchange'
import { contentOf, readPiece, storeAll, storePiece, taskRecord } from '@damselfly/exchange/testing/piece-store'
import { systemClock, type Clock } from '@damselfly/shared'
import { Secret } from '@damselfly/shared/config'
import assert from 'node:assert/strict'
import { S3Server, whyNoS3Server } from '../../src/testing/s3-server/s3-server.ts'
import { BUCKET, SharedBucket } from './s3-store-harness.ts'
import { SlowProxy } from './slow-proxy.ts'

/** Pauses between tries are none. */
const HASTY: Clock = { ...systemClock, after: (ms, callback) => systemClock.after(ms > 10_000 ? ms : 0, callback) }

describe('contents in a bucket', function () {
  this.timeout(120_000)
  let server: S3Server
  let shared: SharedBucket
  const stores: PieceStore[] = []
  const content = contentOf(10_000, 'in a bucket')
  const record = taskRecord({ etag: '"v1"' })

  before(async function () {
    if ((await whyNoS3Server()) !== undefined) return this.skip()
    server = await S3Server.start()
    await SharedBucket.createBucket(server)
  })

  beforeEach(async () => {
    shared = await SharedBucket.create(server)
  })

  afterEach(async () => {
    await Promise.all(stores.splice(0).map((store) => store.stop()))
    await shared.dispose()
  })

  after(() => server?.stop())

  async function started(...options: Parameters<SharedBucket['store']>): Promise<PieceStore> {
    const store = shared.store(...options)
    await store.start()
    stores.push(store)
    return store
  }

  async function keys(start = ''): Promise<string[]> {
    const { Contents = [] } = await server.client.send(new ListObjectsV2Command({ Bucket: BUCKET, Prefix: shared.prefix + start }))
    return Contents.map(({ Key = '' }) => Key)
  }

  it('are seen by another supernode that has the bucket too', async () => {
    const [one, other] = [await started(), await started()]
    await storeAll(await one.create(record), content)
    const task = (await other.open(record.taskId)) as StoredTask
    assert.ok(task.isComplete)
    assert.deepEqual(await readPiece(task, 2), content.slice(8192))
    const later = await started()
    assert.deepEqual(later.list().map(({ taskId }) => taskId), [record.taskId])
    assert.equal(later.usedBytes, 10_000)
  })

  it('may be written by two supernodes at the same time', async () => {
    const [one, other] = [await started(), await started()]
    const tasks = await Promise.all([one.create(record), other.create(record)])
    await Promise.all(tasks.map((task) => storeAll(task, content)))
    for (const task of tasks) assert.ok(task.isComplete)
    assert.equal((await keys('pieces/')).length, 3)
  })

  it('are never mixed from two versions', async () => {
    const [one, other] = [await started(), await started()]
    const changed = contentOf(10_000, 'another version')
    const old = await one.create(record)
    await storePiece(old, content, 0)
    await other.open(record.taskId)
    await other.delete(record.taskId)
    await storePiece(await other.create({ ...record, etag: '"v2"' }), changed, 1)
    await storePiece(old, content, 2)
    const task = (await (await started()).open(record.taskId)) as StoredTask
    for (const index of task.have().members()) assert.deepEqual(await readPiece(task, index), changed.slice(index * 4096, (index + 1) * 4096))
  })

  it('that another supernode has deleted are not here any more', async () => {
    const [one, other] = [await started(), await started()]
    await storeAll(await one.create(record), content)
    const task = (await other.open(record.taskId)) as StoredTask
    await one.delete(record.taskId)
    assert.deepEqual(await keys(), [])
    await assert.rejects(readPiece(task, 0), { code: 'TASK_NOT_FOUND' })
    assert.equal(task.has(0), false)
  })

  it('are compared with their digests, and damaged pieces forgotten', async () => {
    await storeAll(await (await started()).create(record), content)
    const [first = '', second = ''] = await keys('pieces/')
    for (const Key of [first, second]) await server.client.send(new PutObjectCommand({ Bucket: BUCKET, Key, Body: Buffer.alloc(4096) }))
    const task = (await (await started()).open(record.taskId)) as StoredTask
    await assert.rejects(readPiece(task, 0), { code: 'TASK_NOT_FOUND' })
    assert.equal(await task.check(1), false)
    assert.equal(await task.check(2), true)
    assert.deepEqual([...task.have().members()], [2])
    await storeAll(task, content).catch(() => undefined)
  })

  it('cannot be kept with wrong credentials', async () => {
    const store = shared.store({}, { secretAccessKey: new Secret('wrong') })
    await assert.rejects(store.start(), { code: 'STORAGE_DENIED' })
    await store.stop()
  })

  it('cannot be kept in a bucket that is not there', async () => {
    const store = shared.store({ bucket: 'no-such-bucket' })
    await assert.rejects(store.start(), { code: 'STORAGE_MISSING' })
  })

  it('cannot be kept where no server is', async () => {
    const store = shared.store({ clock: HASTY }, { endpoint: 'http://127.0.0.1:1' })
    await assert.rejects(store.start(), { code: 'STORAGE_FAILED' })
  })

  it('are gone with their bucket, and can be kept again once there is one', async () => {
    const Bucket = 'vanishing'
    await server.client.send(new CreateBucketCommand({ Bucket }))
    const store = await started({ bucket: Bucket })
    await server.client.send(new DeleteBucketCommand({ Bucket }))
    await assert.rejects(store.create(record), { code: 'STORAGE_MISSING' })
    assert.deepEqual(store.list(), [])
    await server.client.send(new CreateBucketCommand({ Bucket }))
    const task = await store.create(record)
    const writer = task.claim(0, 4096)
    await writer?.write(content.subarray(0, 4096))
    await server.client.send(new DeleteBucketCommand({ Bucket })).catch(() => undefined)
    await writer?.commit(undefined).catch((error: unknown) => assert.equal((error as { code?: string }).code, 'STORAGE_MISSING'))
  })

  it('come from a slow server too, and from one that says nothing not at all', async () => {
    const proxy = await SlowProxy.start(server.endpoint)
    try {
      proxy.delayMs = 300
      const store = await started({ clock: HASTY }, { endpoint: proxy.endpoint }, { headersTimeoutMs: 20_000 })
      const task = await store.create(record)
      await storePiece(task, content, 0)
      proxy.delayMs = Number.POSITIVE_INFINITY
      const hurried = shared.store({ clock: HASTY }, { endpoint: proxy.endpoint }, { headersTimeoutMs: 200 })
      const before = proxy.connections
      await assert.rejects(hurried.start(), { code: 'STORAGE_FAILED' })
      assert.equal(proxy.connections - before, 4)
      // A stop does not wait for it.
      const pending = assert.rejects(store.open(taskRecord({ taskId: record.taskId }).taskId).then((same) => same?.check(0)), { code: 'CANCELLED' })
      await store.stop()
      await pending
    } finally {
      await proxy.stop()
    }
  })
})

import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { taskIdOf, taskRecord } from '@damselfly/exchange/testing/piece-store'
import { VirtualClock } from '@damselfly/shared'
import { silentLogger } from '@damselfly/shared/logging'
import { DiskPace } from '../../src/store/disk-pace.ts'
import { Sidecars } from '../../src/store/sidecars.ts'

describe('what lies beside the files of whole tasks', () => {
  const record = taskRecord({ taskId: taskIdOf('whole') })
  let directory: string
  let clock: VirtualClock
  let sidecars: Sidecars
  let described: number

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'damselfly-sidecars-'))
    clock = new VirtualClock()
    sidecars = new Sidecars(new DiskPace(clock), clock, silentLogger())
    described = 0
  })

  afterEach(() => rm(directory, { recursive: true }))

  it('is written once for changes that follow each other closely, a moment later', async () => {
    for (let change = 0; change < 3; change++) sidecars.changed(file(), description)
    assert.deepEqual(await readdir(directory), [])
    clock.advance(100)
    await sidecars.settle()
    assert.deepEqual([await readdir(directory), described], [[`${record.taskId}.task`], 1])
    sidecars.changed(file(), description)
    clock.advance(100)
    await sidecars.settle()
    assert.equal(described, 2)
  })

  it('is there when the store stops, which waits for no clock', async () => {
    sidecars.changed(file(), description)
    await sidecars.settle()
    assert.deepEqual(await readdir(directory), [`${record.taskId}.task`])
    assert.equal(clock.pending, 0)
  })

  it('is not written of a task that is not whole any more, nor of one that was deleted', async () => {
    sidecars.changed(file(), () => undefined)
    sidecars.changed(join(directory, 'deleted'), description)
    await sidecars.remove(join(directory, 'deleted'))
    await sidecars.settle()
    assert.deepEqual(await readdir(directory), [])
  })

  it('goes with a task that is deleted while it is being written', async () => {
    sidecars.changed(file(), description)
    const settled = sidecars.settle()
    await sidecars.remove(file())
    await settled
    assert.deepEqual(await readdir(directory), [])
  })

  it('may fail, and is tried again with the next change', async () => {
    sidecars.changed(join(directory, 'nowhere', 'file'), description)
    sidecars.changed(file(), description)
    await sidecars.settle()
    assert.deepEqual(await readdir(directory), [`${record.taskId}.task`])
  })

  function file(): string {
    return join(directory, record.taskId)
  }

  function description(): { readonly record: typeof record; readonly digests: [] } {
    described++
    return { record, digests: [] }
  }
})

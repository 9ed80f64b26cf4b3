import assert from 'node:assert/strict'
import { setImmediate } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { TaskId } from '@damselfly/shared'
import { taskIdOf } from '@damselfly/exchange/testing/piece-store'
import { LoadedTasks } from '../../src/store/loaded-tasks.ts'

describe('the tasks that are open', () => {
  const ids = Array.from({ length: 2000 }, (_, index) => taskIdOf(`task ${index}`))
  const [first, second] = ids as [TaskId, TaskId, ...TaskId[]]

  it('are let go of when there are many and nobody holds them', async () => {
    const tasks = new LoadedTasks<{ id: TaskId }>()
    const held = { id: first }
    tasks.add(first, held)
    tasks.add(second, { id: second })
    tasks.pin(second, tasks.get(second)!)
    for (const id of ids.slice(2)) tasks.add(id, { id })
    await collectGarbage()
    const left = ids.filter((id) => tasks.get(id) !== undefined).length
    assert.ok(left < 1100, `${left} are left`)
    assert.equal(tasks.get(first), held)
    assert.equal(tasks.get(second)?.id, second)
  })

  it('are forgotten when they are deleted', () => {
    const tasks = new LoadedTasks<{ id: TaskId }>()
    const task = { id: first }
    tasks.add(first, task)
    tasks.pin(first, task)
    tasks.delete(first)
    assert.equal(tasks.get(first), undefined)
    assert.deepEqual(tasks.all(), [])
  })
})

async function collectGarbage(): Promise<void> {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  // A weak reference that was read stays strong until the turn of the event loop is over.
  await setImmediate()
  collect()
  await setImmediate()
}

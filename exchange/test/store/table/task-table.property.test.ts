import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { LATEST_USE, MOST_BYTES, MOST_HITS, MOST_SAVED, inOrder, positionOf, type TaskRank, type TaskSummary } from '@damselfly/exchange'
import { taskIdOf, taskRecord } from '@damselfly/exchange/testing/piece-store'
import { evictionRanks } from '../../../src/store/gc/eviction-order.ts'
import { firstTasks, rowsOf, summaryOf } from '../../../src/store/table/first-tasks.ts'
import { readTable, writeTable } from '../../../src/store/table/table-file.ts'
import { TaskTable } from '../../../src/store/table/task-table.ts'

const ORDERS: readonly (readonly TaskRank[])[] = [[], [LATEST_USE], [MOST_BYTES], [MOST_HITS], [MOST_SAVED], evictionRanks(1e9)]

const few = fc.nat(5)
const uses = fc.option(fc.tuple(few, few, few).map(([hits, servedBytes, originBytes]) => ({ hits, servedBytes, originBytes })), { nil: undefined })
const change = fc.record({
  task: fc.nat(400),
  isRemoved: fc.boolean(),
  tag: fc.constantFrom('', 'a', 'b'),
  contentLength: fc.option(fc.nat(1e9), { nil: undefined }),
  pinned: fc.boolean(),
  verifiedBytes: few,
  lastUsedAt: fc.oneof(few, fc.nat(1e9)),
  uses,
})
const changes = fc.array(change, { maxLength: 800, size: 'max' })

type Change = typeof change extends fc.Arbitrary<infer T> ? T : never

describe('the table of tasks', () => {
  it('knows what a map of objects knows, whatever came and went', () => {
    fc.assert(
      fc.property(changes, (made) => {
        const { table, expected } = tableOf(made)
        assert.equal(table.count, expected.size)
        assert.equal(table.verifiedBytes, [...expected.values()].reduce((sum, { verifiedBytes }) => sum + verifiedBytes, 0))
        for (let task = 0; task <= 400; task++) {
          const found = table.get(taskIdOf(`${task}`))
          assert.deepEqual(found === undefined ? undefined : summaryOf(found), expected.get(`${task}`))
        }
      }),
      { numRuns: 30 },
    )
  })

  it('gives page after page in every order, each task once', () => {
    fc.assert(
      fc.property(changes, fc.constantFrom(...ORDERS), fc.integer({ min: 1, max: 90 }), (made, ranks, limit) => {
        const { table, expected } = tableOf(made)
        const listed: TaskSummary[] = []
        for (let page = firstTasks(table, { ranks, limit }); page.length > 0; ) {
          listed.push(...page)
          page = firstTasks(table, { ranks, limit, after: positionOf(page.at(-1) as TaskSummary, ranks) })
        }
        assert.deepEqual(listed, inOrder([...expected.values()], ranks))
      }),
      { numRuns: 40 },
    )
  })

  it('gives only those that are asked for, as tasks that are objects do', () => {
    fc.assert(
      fc.property(changes, fc.constantFrom(...ORDERS), (made, ranks) => {
        const { table, expected } = tableOf(made)
        const matches = ({ pinned }: TaskSummary): boolean => pinned
        const except = new Set(Array.from({ length: 200 }, (_, i) => taskIdOf(`${i}`)))
        const selection = { ranks, limit: 20, matches, except }
        const wanted = inOrder([...expected.values()], ranks).filter((task) => task.pinned && !except.has(task.taskId)).slice(0, 20)
        assert.deepEqual(firstTasks(table, selection), wanted)
        assert.deepEqual(firstTasks(rowsOf([...expected.values()]), selection), wanted)
      }),
      { numRuns: 40 },
    )
  })

  it('stands in its file as it was', async () => {
    await inFile(async (path) => {
      await fc.assert(
        fc.asyncProperty(changes, async (made) => {
          const { table, expected } = tableOf(made)
          await writeTable(path, table, '1')
          const again = new TaskTable(await readTable(path, '1'))
          assert.equal(again.count, expected.size)
          assert.equal(again.verifiedBytes, table.verifiedBytes)
          assert.deepEqual(firstTasks(again, { ranks: [], limit: 1000 }), inOrder([...expected.values()], []))
        }),
        { numRuns: 20 },
      )
    })
  })

  it('is not read from a file that was damaged or cut short anywhere, or is another one', async () => {
    const { table } = tableOf(fc.sample(change, { numRuns: 50, seed: 1 }))
    await inFile(async (path) => {
      await writeTable(path, table, '7')
      await readTable(path, '7')
      await assert.rejects(readTable(path, '6'), /generation/)
      const whole = await readFile(path)
      const places = fc.nat(whole.length - 1)
      await fc.assert(
        fc.asyncProperty(places, fc.integer({ min: 1, max: 255 }), fc.boolean(), async (place, difference, isCut) => {
          const damaged = isCut ? whole.subarray(0, place) : Buffer.from(whole)
          if (!isCut) damaged.writeUInt8(damaged.readUInt8(place) ^ difference, place)
          await writeFile(path, damaged)
          await assert.rejects(readTable(path, '7'))
        }),
        { numRuns: 100 },
      )
    })
  })
})

function tableOf(made: readonly Change[]): { readonly table: TaskTable; readonly expected: ReadonlyMap<string, TaskSummary> } {
  const table = new TaskTable()
  const expected = new Map<string, TaskSummary>()
  for (const { task, isRemoved, verifiedBytes, ...fields } of made) {
    const record = taskRecord({ ...fields, taskId: taskIdOf(`${task}`) })
    if (isRemoved) table.remove(record.taskId)
    else table.put(record, { verifiedBytes, lastUsedAt: fields.lastUsedAt, trustedSince: 1, stamp: undefined, uses: fields.uses })
    if (isRemoved) expected.delete(`${task}`)
    else expected.set(`${task}`, summaryOf({ ...record, verifiedBytes }))
  }
  return { table, expected }
}

async function inFile(work: (path: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'damselfly-table-'))
  try {
    await work(join(directory, 'table'))
  } finally {
    await rm(directory, { recursive: true })
  }
}

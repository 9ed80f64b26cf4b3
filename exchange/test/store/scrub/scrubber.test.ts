import { Scrubber, type PieceStore, type ScrubSettings } from '@damselfly/exchange'
import { contentOf, storeAll, taskIdOf, taskRecord } from '@damselfly/exchange/testing/piece-store'
import { pause, systemClock, VirtualClock } from '@damselfly/shared'
import { silentLogger } from '@damselfly/shared/logging'
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { damage } from '../overwrite.ts'
import { StoreDirectory } from '../store-directory.ts'

const AT_ONCE: ScrubSettings = { rate: 0, every: 0 }

describe('a scrub', () => {
  const content = contentOf(10_000, 'scrubbed')
  const names = ['a', 'b', 'c', 'd']
  let directory: StoreDirectory
  let store: PieceStore
  let clock: VirtualClock
  let spoilt: string[]

  beforeEach(async () => {
    directory = await StoreDirectory.create()
    store = await directory.start()
    clock = new VirtualClock(1000)
    spoilt = []
    for (const name of names) await storeAll(await store.create(taskRecord({ taskId: taskIdOf(name) })), content)
  })

  afterEach(() => directory.dispose())

  it('finds pieces that were damaged behind the back of the store, and nothing else', async () => {
    const task = await store.open(taskIdOf('b'))
    await damage(task!.path!, 5000, Uint8Array.of(1, 2, 3))
    const { last, totals } = await finished(scrubber(AT_ONCE))
    assert.deepEqual([last?.tasks, last?.pieces, last?.bytes, last?.damaged], [4, 12, 40_000, 1])
    assert.deepEqual(totals, { bytes: 40_000, damaged: 1 })
    assert.deepEqual(spoilt, [taskIdOf('b')])
    assert.deepEqual([...task!.have().members()], [0, 2])
  })

  it('reads no more in a second than its rate', async () => {
    const scrub = scrubber({ rate: 10_000, every: 0 })
    await scrub.start()
    scrub.begin()
    const begun = clock.now()
    while (scrub.status().last === undefined) {
      // The first piece is read at once.
      const allowed = ((clock.now() - begun) / 1000) * 10_000 + 4096
      assert.ok((scrub.status().running?.bytes ?? 0) <= allowed)
      clock.advance(50)
      await settle()
    }
    assert.ok(clock.now() - begun >= 3500)
    await scrub.stop()
  })

  it('goes on after a restart where it was', async () => {
    const first = scrubber({ rate: 10_000, every: 0 })
    await first.start()
    first.begin()
    while ((first.status().running?.tasks ?? 0) < 2) {
      clock.advance(50)
      await settle()
    }
    const { running } = first.status()
    await first.stop()
    const { last } = await finished(scrubber(AT_ONCE), false)
    assert.equal(last?.startedAt, running?.startedAt)
    assert.equal(last?.tasks, 4)
    // What was read of the task that was not done is read again.
    assert.ok((last?.pieces ?? 0) - 12 < 3)
  })

  it('begins by itself when it is due', async () => {
    const scrub = scrubber({ rate: 0, every: 7_200_000 })
    await scrub.start()
    await turn(() => scrub.status().last !== undefined)
    const { last } = scrub.status()
    clock.advance(3_600_000)
    await settle()
    assert.equal(scrub.status().last, last)
    for (; scrub.status().last?.startedAt === last?.startedAt; await settle()) clock.advance(3_600_000)
    await scrub.stop()
  })

  it('begins anew when what was written down cannot be read', async () => {
    await writeFile(join(directory.path, 'scrub.json'), '{"running":{')
    const { last } = await finished(scrubber(AT_ONCE))
    assert.equal(last?.tasks, 4)
  })

  it('passes over tasks that are deleted meanwhile', async () => {
    const scrub = scrubber(AT_ONCE)
    await scrub.start()
    scrub.begin()
    await store.delete(taskIdOf('c'))
    await turn(() => scrub.status().last !== undefined)
    await scrub.stop()
  })

  function scrubber(settings: ScrubSettings): Scrubber {
    return new Scrubber({
      store,
      settings,
      stateFile: join(directory.path, 'scrub.json'),
      onDamage: ({ taskId }) => spoilt.push(taskId),
      clock,
      logger: silentLogger(),
    })
  }

  async function finished(scrub: Scrubber, begins = true): Promise<ReturnType<Scrubber['status']>> {
    await scrub.start()
    if (begins) scrub.begin()
    await turn(() => scrub.status().last !== undefined)
    await scrub.stop()
    return scrub.status()
  }
})

/** Lets what is under way on the disk go on. */
function settle(): Promise<void> {
  return pause(systemClock, 1)
}

async function turn(isReached: () => boolean): Promise<void> {
  while (!isReached()) await settle()
}

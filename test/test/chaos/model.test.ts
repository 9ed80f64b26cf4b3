import assert from 'node:assert/strict'
import type { Attempt, DownloadLog, FaultLog } from '../../src/chaos/download-log.ts'
import { violationsOf, type Run } from '../../src/chaos/model.ts'

/** Bytes; large, lest the slack for short runs hide everything. */
const SIZE = 1_000_000_000
const SLACK = 24 * 1024 * 1024

const done: Attempt = { from: 10, until: 12, outcome: 'done', held: 0, verified: SIZE }
const failed: Attempt = { from: 5, until: 6, outcome: 'NO_SOURCE', held: undefined, verified: 400 }

function run({ faults = [], download = {}, originBytes = SIZE }: { faults?: readonly FaultLog[]; download?: Partial<DownloadLog>; originBytes?: number } = {}): Run {
  const whole: DownloadLog = { peer: 'peer-1', content: 0, size: SIZE, askedAt: 5, attempts: [done], bytes: 'right', ...download }
  return { faults, downloads: [whole], healedAt: 100, originBytes }
}

function fault(host: string, kind = 'kill', from = 4, until = 7): FaultLog {
  return { kind, host, from, until }
}

describe('what has to hold in chaos', () => {
  it('holds where each download is right, in time, and fetched once', () => {
    assert.deepEqual(violationsOf(run()), [])
  })

  it('is broken by wrong bytes', () => {
    assert.match(violationsOf(run({ download: { bytes: 'wrong' } })).join(), /other bytes than any version/)
  })

  it('is broken by a download that never ends, or long after all is well', () => {
    assert.match(violationsOf(run({ download: { attempts: [] } })).join(), /was never there/)
    assert.match(violationsOf(run({ download: { attempts: [{ ...done, until: 161 }] } })).join(), /61 s after all was well/)
  })

  it('is broken by a failure that nothing explains', () => {
    const download = { attempts: [failed, { ...done, held: 400 }] }
    assert.match(violationsOf(run({ download })).join(), /failed with NO_SOURCE/)
    assert.match(violationsOf(run({ download, faults: [fault('peer-2')] })).join(), /failed with NO_SOURCE/)
    for (const host of ['peer-1', 'supernode', 'origin']) assert.deepEqual(violationsOf(run({ download, faults: [fault(host)] })), [])
  })

  it('is broken by verified bytes that are fetched again, unless the disk lost them', () => {
    const download = { attempts: [failed, { ...done, held: 399 }] }
    assert.match(violationsOf(run({ download, faults: [fault('peer-1')] })).join(), /verified 400 bytes, and 399/)
    assert.deepEqual(violationsOf(run({ download, faults: [fault('peer-1', 'full-disk')] })), [])
  })

  it('is broken by an origin that sends more than a twentieth again', () => {
    assert.deepEqual(violationsOf(run({ originBytes: 1.05 * SIZE + SLACK })), [])
    assert.match(violationsOf(run({ originBytes: 1.06 * SIZE + SLACK })).join(), /times what was asked for/)
  })

  it('lets the origin send again what the supernode lost while it was wanted', () => {
    const originBytes = 2.05 * SIZE + SLACK
    const lost = fault('supernode', 'damaged-store')
    assert.deepEqual(violationsOf(run({ originBytes, faults: [lost] })), [])
    assert.match(violationsOf(run({ originBytes, faults: [fault('peer-1', 'damaged-store')] })).join(), /times what was asked for/)
    assert.match(violationsOf(run({ originBytes, faults: [{ ...lost, from: 13, until: 14 }] })).join(), /times what was asked for/)
  })

  it('lets the origin send each version of a content', () => {
    const changed: FaultLog = { ...fault('origin', 'new-version'), content: 0 }
    assert.deepEqual(violationsOf(run({ originBytes: 2.1 * SIZE + SLACK, faults: [changed] })), [])
    assert.match(violationsOf(run({ originBytes: 2.11 * SIZE + SLACK, faults: [changed] })).join(), /times what was asked for/)
  })

  it('is broken by a version that was replaced long before', () => {
    assert.match(violationsOf(run({ download: { bytes: 'stale' } })).join(), /replaced long before/)
  })

  it('counts bounds in the time that the machine gave', () => {
    const given = (from: number, until: number): number => (until - from) / 2
    assert.deepEqual(violationsOf({ ...run({ download: { attempts: [{ ...done, until: 219 }] } }), given }), [])
    assert.match(violationsOf({ ...run({ download: { attempts: [{ ...done, until: 223 }] } }), given }).join(), /after all was well/)
  })
})

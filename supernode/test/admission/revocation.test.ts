import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { taskIdFromBytes, VirtualClock, type PeerId, type TaskId } from '@damselfly/shared'
import { silentLogger } from '@damselfly/shared/logging'
import { createIdentity, readTicket, revocationsFromWire, type TicketGrant, type TicketRevocation } from '@damselfly/exchange'
import { TicketRevocations } from '../../src/admission/ticket-revocations.ts'
import { createControlBench, largeContent, settle, type ControlBench } from '../control-bench.ts'
import { FakePeer } from '../fake-peer.ts'

const URL = 'https://a.example/file'

function grantsTo(peer: FakePeer): TicketGrant[] {
  return peer.all('parent').map(({ signedTicket }) => readTicket(signedTicket))
}

function toldTo(peer: FakePeer): TicketRevocation[] {
  return peer.all('revokeTickets').flatMap((news) => revocationsFromWire(news))
}

describe('a peer that was revoked', () => {
  let bench: ControlBench
  let directory: string

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'damselfly-revocation-'))
    bench = createControlBench({ rulesDirectory: directory })
  })
  afterEach(async () => {
    await bench.stop()
    await bench.revocations.stop()
    await rm(directory, { recursive: true })
  })

  /** A peer that was introduced to the CDN. */
  async function child(): Promise<{ peer: FakePeer; taskId: TaskId }> {
    bench.cdn.contents.set(URL, largeContent(4))
    const peer = bench.peer()
    const answer = await peer.register({ url: URL })
    const taskId = taskIdFromBytes(answer.taskId)
    bench.cdn.tasks.get(taskId)?.finish()
    peer.want(taskId, 1)
    await peer.whenHeard('parent')
    return { peer, taskId }
  }

  it('loses its channel, everybody is told at once, and it does not come back', async () => {
    const [{ peer: doomed }, other] = [await child(), bench.peer()]
    await bench.peerAdmission.revoke(doomed.id, 'me', 'stolen')
    await settle()
    assert.equal(doomed.channel.isEnded, true)
    assert.equal(doomed.all('goodbye')[0]?.errorCode, 'PEER_NOT_ADMITTED')
    assert.deepEqual(toldTo(other).map(({ subject }) => subject), [{ peer: doomed.id }])
    const [grant] = grantsTo(doomed)
    assert.ok(grant !== undefined && bench.revocations.revoked.isRevoked(grant), 'the CDN heeds its ticket no more')
    const back = FakePeer.greet(bench.control, {}, doomed.id)
    await settle()
    assert.equal(back.all('goodbye')[0]?.errorCode, 'PEER_NOT_ADMITTED')
    assert.equal(back.all('welcome').length, 0)
    assert.equal(bench.peers.get(doomed.id), undefined)
  })

  it('is told to peers that connect later, as long as a ticket of its could count', async () => {
    const { peer: doomed } = await child()
    await bench.peerAdmission.revoke(doomed.id, 'me', '')
    const soon = bench.peer()
    await soon.whenHeard('revokeTickets')
    assert.deepEqual(toldTo(soon).map(({ subject }) => subject), [{ peer: doomed.id }])
    bench.clock.advance(63 * 60_000)
    const late = bench.peer()
    await late.whenHeard('welcome')
    await settle()
    assert.deepEqual(toldTo(late), [])
  })

  it('gets tickets that count once it is admitted again', async () => {
    const { peer } = await child()
    await bench.peerAdmission.revoke(peer.id, 'me', '')
    await bench.peerAdmission.admit(peer.id, 'me', '')
    const again = FakePeer.greet(bench.control, {}, peer.id)
    const answer = await again.register({ url: URL })
    again.want(taskIdFromBytes(answer.taskId), 1)
    await again.whenHeard('parent')
    const [grant] = grantsTo(again)
    assert.ok(grant !== undefined && !bench.revocations.revoked.isRevoked(grant))
  })

  it('is not believed or served before it was admitted', async () => {
    const closed = createControlBench({ admission: 'list' })
    closed.cdn.contents.set(URL, largeContent(2))
    const stranger = new FakePeer(closed.control)
    stranger.hello()
    stranger.say({ case: 'register', value: { requestId: 1, spec: { url: URL }, order: 'rarest-first' } })
    await settle()
    assert.deepEqual(stranger.heard.map((news) => news.case), ['goodbye'])
    assert.equal(closed.peers.count + closed.tasks.count + closed.cdn.tasks.size, 0)
    await closed.stop()
  })
})

describe('tickets of a task', () => {
  it('can be taken back for everybody, and new ones are given at the next assignment', async () => {
    const bench = createControlBench()
    bench.cdn.contents.set(URL, largeContent(4))
    const peer = bench.peer()
    const taskId = taskIdFromBytes((await peer.register({ url: URL })).taskId)
    bench.cdn.tasks.get(taskId)?.finish()
    peer.want(taskId, 1)
    const first = await peer.whenHeard('assign')
    void bench.revocations.revoke({ taskId })
    peer.done(taskId, first.index, first.parent)
    peer.want(taskId, 1)
    await peer.whenHeard('assign', ({ index }) => index !== first.index)
    const [before, after] = grantsTo(peer)
    assert.ok(before !== undefined && after !== undefined)
    const { revoked } = bench.revocations
    assert.deepEqual([before, after].map((grant) => revoked.isRevoked(grant)), [true, false])
    await bench.stop()
  })
})

describe('what was taken back', () => {
  const clock = new VirtualClock(Date.UTC(2026, 0, 1))
  const peer: PeerId = createIdentity().peerId
  let directory: string
  beforeEach(async () => (directory = await mkdtemp(join(tmpdir(), 'damselfly-revoked-'))))
  afterEach(() => rm(directory, { recursive: true }))

  it('holds over restarts, and no ticket is older than it even if the clock is put back', async () => {
    const open = async (at: VirtualClock): Promise<TicketRevocations> => {
      const revocations = new TicketRevocations({ file: join(directory, 'revoked.json'), clock: at, logger: silentLogger() })
      await revocations.load()
      return revocations
    }
    const first = await open(clock)
    const grant = { taskId: 'ab'.repeat(32) as TaskId, child: peer, parent: peer, issuedAt: first.issueTime() }
    await first.revoke({ peer })
    const second = await open(new VirtualClock(clock.wallTime() - 1_800_000))
    assert.ok(second.revoked.isRevoked(grant))
    assert.ok(!second.revoked.isRevoked({ ...grant, issuedAt: second.issueTime() }))
  })
})

import assert from 'node:assert/strict'
import type { PeerId } from '@damselfly/shared'
import type { PeerLocation } from '../../src/contract.ts'
import { nearestLeastLoaded, type ParentCandidate } from '../../src/policies/parent-choice.ts'
import { seeded } from '../random.ts'

const HOME: PeerLocation = { location: 'here', zone: 'a', rack: '1' }

function parent(id: string, rest: Partial<ParentCandidate> = {}): ParentCandidate {
  return { id: id as PeerId, location: HOME, isRelayed: false, slots: 4, inFlight: 0, rate: undefined, ...rest }
}

function chosen(candidates: readonly ParentCandidate[], at = HOME): string {
  return nearestLeastLoaded().choose(at, candidates, seeded(1)).id
}

describe('the choice of a parent', () => {
  const far = parent('far', { location: { location: 'there', zone: 'a', rack: '1' } })
  const near = parent('near', { location: { location: 'here', zone: 'b', rack: '1' } })
  const nearer = parent('nearer', { location: { location: 'here', zone: 'a', rack: '2' } })
  const nearest = parent('nearest', { inFlight: 3 })

  it('prefers the same rack to the same zone to the same location to any', () => {
    assert.equal(chosen([far, near, nearer, nearest]), 'nearest')
    assert.equal(chosen([far, near, nearer]), 'nearer')
    assert.equal(chosen([far, near]), 'near')
  })

  it('prefers the local network to the internet, where the place is the same or unknown, and both to a relay', () => {
    const nowhere = { location: '', zone: '', rack: '' }
    const child = { ...nowhere, lan: 'home' }
    const lan = parent('lan', { location: child, inFlight: 3 })
    const wan = parent('wan', { location: { ...nowhere, lan: 'elsewhere' } })
    const relayed = parent('relayed', { location: child, isRelayed: true })
    assert.equal(chosen([relayed, wan, lan], child), 'lan')
    assert.equal(chosen([relayed, wan], child), 'wan')
    assert.equal(chosen([relayed], child), 'relayed')
    assert.equal(chosen([parent('zone', { location: { ...HOME, rack: '2' } }), parent('other-zone', { location: { ...HOME, zone: 'b', lan: 'home' } })], { ...HOME, lan: 'home' }), 'zone')
  })

  it('takes what is unknown for no sameness', () => {
    const nowhere = { location: '', zone: '', rack: '' }
    assert.equal(chosen([parent('busy', { location: nowhere, inFlight: 1 }), far], nowhere), 'far')
  })

  it('prefers the least loaded relative to its slots', () => {
    const few = parent('few-slots', { inFlight: 1, slots: 2 })
    const many = parent('many-slots', { inFlight: 2, slots: 8 })
    assert.equal(chosen([few, many]), 'many-slots')
  })

  it('prefers a parent that was measured to be faster, until its load outweighs that', () => {
    assert.equal(chosen([parent('slow', { rate: 1 }), parent('fast', { rate: 3, inFlight: 1 })]), 'fast')
    assert.equal(chosen([parent('slow', { rate: 1 }), parent('fast', { rate: 3, inFlight: 3 })]), 'slow')
  })

  it('takes a parent that was not measured yet for as fast as the others', () => {
    const fast = parent('fast', { rate: 3, inFlight: 2 })
    const slow = parent('slow', { rate: 1, inFlight: 2 })
    assert.equal(chosen([fast, slow, parent('new')]), 'new')
  })

  it('breaks ties by chance', () => {
    const random = seeded(1)
    const equals = [parent('one'), parent('two')]
    const ids = Array.from({ length: 50 }, () => nearestLeastLoaded().choose(HOME, equals, random).id)
    assert.deepEqual(new Set<string>(ids), new Set(['one', 'two']))
  })
})

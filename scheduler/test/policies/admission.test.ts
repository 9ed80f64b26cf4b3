import assert from 'node:assert/strict'
import { type AdmissionRequest, spareAdmission } from '../../src/policies/admission.ts'

const IDLE: AdmissionRequest = { inFlight: 0, cdnInFlight: 0, onlyFromSlow: false, spareCopies: 0, peerCopies: 0 }

describe('the admission to what the CDN can spare', () => {
  const policy = spareAdmission({ share: 0.1, faster: 4 })

  it('stays a share of what peers have given', () => {
    assert.equal(policy.admits({ ...IDLE, peerCopies: 9 }), false)
    assert.equal(policy.admits({ ...IDLE, peerCopies: 10 }), true)
    assert.equal(policy.admits({ ...IDLE, peerCopies: 10, spareCopies: 1 }), false)
  })

  it('is for idle children', () => {
    assert.equal(policy.admits({ ...IDLE, peerCopies: 100, inFlight: 1 }), false)
  })

  it('is given one piece at a time to children that only slow peers could serve', () => {
    assert.equal(policy.admits({ ...IDLE, onlyFromSlow: true, inFlight: 3, spareCopies: 50 }), true)
    assert.equal(policy.admits({ ...IDLE, onlyFromSlow: true, inFlight: 3, cdnInFlight: 1 }), false)
  })

  it('takes peers for slow that are several times slower than one transfer from the CDN', () => {
    assert.equal(policy.isSlow(1, 3.9), false)
    assert.equal(policy.isSlow(1, 4), true)
  })
})

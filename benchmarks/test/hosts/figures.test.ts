import assert from 'node:assert/strict'
import { boundOf, figuresOf } from '../../src/hosts/figures.ts'

const MIB = 1024 * 1024

describe('the figures of twelve hosts', () => {
  const hostsCase = { hosts: 12, rate: 100_000_000, length: 25 * MIB }
  const run = { last: 10.3, first: 9, copy: 10, fromCdn: 1, cpu: 5 }

  it('compare the last with what whole pieces need on lines as fast as one copy was', () => {
    assert.ok(Math.abs(boundOf(hostsCase, 10) - 10.3) < 1e-9)
    const [first] = figuresOf('100 Mbit/s', hostsCase, [run])
    assert.equal(first?.id, 'twelve hosts, 100 Mbit/s: last peer / discrete bound')
    assert.ok(Math.abs((first?.value ?? 0) - 1) < 1e-9)
    assert.equal(first?.met, true)
  })

  it('miss the goal when the last takes a sixth longer', () => {
    const [first] = figuresOf('100 Mbit/s', hostsCase, [{ ...run, last: 12.1 }])
    assert.equal(first?.met, false)
  })
})

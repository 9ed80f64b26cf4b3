import assert from 'node:assert/strict'
import { openFileLimit } from '@damselfly/shared'

describe('the limit of open files', () => {
  it('is known on Linux and unknown elsewhere', async () => {
    const limit = await openFileLimit()
    if (process.platform === 'linux') assert.ok(limit !== undefined && limit >= 256)
    else assert.equal(limit, undefined)
  })
})

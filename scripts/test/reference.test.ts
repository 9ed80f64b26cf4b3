import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ROOT } from '../checks.ts'
import { referencePages } from '../reference.ts'

describe('docs/reference', () => {
  for (const { name, text } of referencePages()) {
    it(`has a current ${name} (npm run docs writes it)`, async () => {
      assert.equal(await readFile(join(ROOT, 'docs/reference', name), 'utf8'), text)
    })

    it(`has a description for every line of ${name}`, () => {
      const rows = text.split('\n').filter((line) => line.startsWith('| `'))
      assert.ok(rows.length > 0)
      for (const row of rows) assert.doesNotMatch(row, /\| +\|$/)
    })
  }
})

import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ROOT } from '../checks.ts'
import { REFERENCE_PAGES } from '../reference/pages.ts'

describe('docs/reference', function () {
  // Some pages are asked of servers that are started for it.
  this.timeout(120_000)

  for (const page of REFERENCE_PAGES) {
    it(`has a current ${page.name} (npm run docs writes it)`, async () => {
      assert.equal(await readFile(join(ROOT, 'docs/reference', page.name), 'utf8'), await page.write())
    })
  }

  for (const page of REFERENCE_PAGES.filter(({ name }) => name !== 'cli.md' && name !== 'http-api.md')) {
    it(`has a description for every line of ${page.name}`, async () => {
      const rows = (await page.write()).split('\n').filter((line) => line.startsWith('| `'))
      assert.ok(rows.length > 0)
      for (const row of rows) assert.doesNotMatch(row, /\| +\|$/)
    })
  }
})

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { BENCHES } from '../benchmarks/src/benches.ts'
import { writePerformancePages } from '../benchmarks/src/page/write.ts'
import { ROOT } from './checks.ts'
import { REFERENCE_PAGES } from './reference/pages.ts'

const folder = join(ROOT, 'docs/reference')
mkdirSync(folder, { recursive: true })
for (const page of REFERENCE_PAGES) {
  writeFileSync(join(folder, page.name), await page.write())
  process.stdout.write(`docs/reference/${page.name}\n`)
}
for (const path of await writePerformancePages(BENCHES)) process.stdout.write(`${path}\n`)

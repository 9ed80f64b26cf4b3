import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from './checks.ts'
import { referencePages } from './reference.ts'

const folder = join(ROOT, 'docs/reference')
mkdirSync(folder, { recursive: true })
for (const { name, text } of referencePages()) {
  writeFileSync(join(folder, name), text)
  process.stdout.write(`docs/reference/${name}\n`)
}

import { ensureBundles } from './bundling/ensure-bundles.ts'
import { ROOT } from './checks.ts'

const startedAt = performance.now()
const made = await ensureBundles(ROOT)
const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
process.stdout.write(made.length === 0 ? 'The bundles are current.\n' : `Bundled ${made.join(', ')} in ${seconds} s.\n`)

import { tryEnsureBundles } from './bundling/ensure-bundles.ts'
import { ROOT } from './checks.ts'

// What is measured is what is installed.
await tryEnsureBundles(ROOT)
await import('../benchmarks/src/main.ts')

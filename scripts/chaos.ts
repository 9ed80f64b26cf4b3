import { chaos } from '@damselfly/test/chaos'
import { tryEnsureBundles } from './bundling/ensure-bundles.ts'
import { ROOT } from './checks.ts'

await tryEnsureBundles(ROOT)
process.exitCode = await chaos(process.argv.slice(2))

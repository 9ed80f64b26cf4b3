import { quickstart } from '@damselfly/test/quickstart'
import { tryEnsureBundles } from './bundling/ensure-bundles.ts'
import { ROOT } from './checks.ts'

await tryEnsureBundles(ROOT)
process.exitCode = await quickstart(process.argv.slice(2))

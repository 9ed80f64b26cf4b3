import { quickstart } from '@damselfly/test/quickstart'

process.exitCode = await quickstart(process.argv.slice(2))

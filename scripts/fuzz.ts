import { fuzz } from '@damselfly/test/fuzz'

process.exitCode = await fuzz(process.argv.slice(2))

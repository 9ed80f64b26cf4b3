import { collectBuffersWithYoungObjects, ERROR_CODES, toDamselflyError } from '@damselfly/shared'
import { runSupernode } from './program.ts'

// Whoever reads the help may stop before its end.
process.stdout.on('error', () => undefined)

collectBuffersWithYoungObjects()
try {
  await runSupernode()
} catch (error) {
  const failure = toDamselflyError(error)
  process.stderr.write(`supernode: ${failure.toLine()}\n`)
  process.exitCode = ERROR_CODES[failure.code].exit
}

import { collectBuffersWithYoungObjects, toDamselflyError } from '@damselfly/shared'
import { runDaemon } from './program.ts'

function print(text: string): void {
  process.stdout.write(text)
}

collectBuffersWithYoungObjects()
try {
  // Exits by itself only when every handle is closed, which an immediate stop does not wait for.
  process.exit(await runDaemon({ args: process.argv.slice(2), env: process.env, print }))
} catch (error) {
  const ours = toDamselflyError(error)
  process.stderr.write(`dfdaemon: ${ours.toLine()}\n`)
  if (ours.code === 'INTERNAL' && error instanceof Error) process.stderr.write(`${error.stack ?? ''}\n`)
  process.exit(ours.kind.exit)
}

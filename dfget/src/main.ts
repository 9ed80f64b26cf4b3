import { readFileSync } from 'node:fs'

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }
const args = process.argv.slice(2)

// Asked by scripts again and again, and so not worth loading anything for.
if (args.length === 1 && args[0] === '--version') {
  process.stdout.write(`${version}\n`)
} else {
  const { collectBuffersWithYoungObjects } = await import('@damselfly/shared')
  const { runProgram } = await import('./program.ts')
  collectBuffersWithYoungObjects()
  const { env, stdout, stderr } = process
  // What a library may still hold open must not keep a person waiting.
  process.exit(await runProgram({ args, env, version, stdout, stderr, signals: process }))
}

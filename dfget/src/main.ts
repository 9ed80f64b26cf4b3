import { readFileSync } from 'node:fs'
import { runProgram } from './program.ts'

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }
// What a library may still hold open must not keep a person waiting.
process.exit(await runProgram({ args: process.argv.slice(2), env: process.env, version, streams: process, signals: process }))

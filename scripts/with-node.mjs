// Runs a TypeScript file of this repository with the Node.js that the lock file names:
//   node scripts/with-node.mjs scripts/test.ts --unit
// Plain JavaScript for any Node.js from 18 on, since it also installs the dependencies, Node.js among them.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { constants } from 'node:os'
import { delimiter, dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ensureInstalled } from './install.mjs'

const MIN_NODE = [24, 15]
const FORWARDED = ['SIGINT', 'SIGTERM', 'SIGHUP']

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const bin = join(root, 'node_modules', '.bin')

try {
  const [script, ...args] = process.argv.slice(2)
  if (script === undefined) throw new Error('usage: node scripts/with-node.mjs FILE.ts [ARGUMENT...]')
  await ensureInstalled(root)
  run(chooseNode(), [resolve(root, script), ...args])
} catch (error) {
  process.stderr.write(`${error.message}\n`)
  process.exitCode = 1
}

function chooseNode() {
  const bundled = join(bin, process.platform === 'win32' ? 'node.cmd' : 'node')
  if (existsSync(bundled)) return bundled
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  if (major > MIN_NODE[0] || (major === MIN_NODE[0] && minor >= MIN_NODE[1])) return process.execPath
  throw new Error(
    `no Node.js comes with the dependencies on ${process.platform} ${process.arch}, ` +
      `and this one is ${process.versions.node}; install Node.js ${MIN_NODE.join('.')} or later`,
  )
}

function run(node, args) {
  const child = spawn(node, ['--conditions=development', ...args], {
    stdio: 'inherit',
    env: { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH ?? ''}` },
  })
  for (const signal of FORWARDED) {
    process.on(signal, () => {
      // A terminal sends Ctrl-C to the whole group; the child has it already.
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal)
    })
  }
  child.once('error', (error) => {
    process.stderr.write(`${node} cannot be started: ${error.message}\n`)
    process.exitCode = 1
  })
  child.once('exit', (code, signal) => {
    process.exitCode = code ?? 128 + constants.signals[signal]
    for (const name of FORWARDED) process.removeAllListeners(name)
  })
}

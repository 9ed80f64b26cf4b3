// Plain JavaScript for any Node.js from 18 on: it runs before the project's own Node.js is there.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { withLock } from './lock.mjs'

const STAMP = 'node_modules/.damselfly-installed'

/** npm's own would keep somebody without a network waiting for more than a minute. */
const PATIENCE = ['--fetch-retry-mintimeout=2000', '--fetch-retry-maxtimeout=10000']

/** Makes sure that node_modules holds what package-lock.json says; does nothing when it does. */
export async function ensureInstalled(root) {
  const wanted = stampFor(root)
  if (isInstalled(root, wanted)) return
  await withLock(join(root, '.install.lock'), async () => {
    if (isInstalled(root, wanted)) return
    if (!matchesLockFile(root)) runNpm(root)
    mkdirSync(join(root, 'node_modules'), { recursive: true })
    writeFileSync(join(root, STAMP), wanted)
  })
}

function stampFor(root) {
  const hash = createHash('sha256')
  hash.update(readFileSync(join(root, 'package-lock.json')))
  hash.update(`${process.platform} ${process.arch}`)
  return hash.digest('hex')
}

function isInstalled(root, wanted) {
  try {
    return readFileSync(join(root, STAMP), 'utf8') === wanted
  } catch {
    return false
  }
}

/** Whether somebody has run npm already: then there is nothing to repeat. */
function matchesLockFile(root) {
  const wanted = readPackages(join(root, 'package-lock.json'))
  const found = readPackages(join(root, 'node_modules/.package-lock.json'))
  if (wanted === undefined || found === undefined) return false
  return Object.entries(wanted)
    .filter(([path]) => path.includes('node_modules/'))
    .every(([path, entry]) => {
      if (found[path] === undefined) return entry.optional === true && !fitsMachine(entry)
      return found[path].version === entry.version && found[path].integrity === entry.integrity
    })
}

function readPackages(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8')).packages
  } catch {
    return undefined
  }
}

/** Packages for one C library cannot be told apart by Node.js; a missing one counts as foreign. */
function fitsMachine({ os, cpu, libc }) {
  return libc === undefined && allows(os, process.platform) && allows(cpu, process.arch)
}

function allows(list, value) {
  return list === undefined || [list].flat().includes(value)
}

function runNpm(root) {
  process.stderr.write('Installing dependencies (only now and when they change) ...\n')
  const startedAt = Date.now()
  const args = [
    'ci',
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    '--include=dev',
    '--include=optional',
    '--loglevel=error',
    ...PATIENCE,
  ]
  const npm = spawnSync(...npmCommand(args), { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 })
  if (npm.error !== undefined) throw new Error(`npm cannot be started (${npm.error.message}); install npm`)
  if (npm.status !== 0) throw new Error(`npm ci failed: ${adviceFor(npm.stderr)}\n${lastLines(npm.stderr)}`)
  process.stderr.write(`Installed in ${Math.round((Date.now() - startedAt) / 1000)} s.\n`)
}

/** Older ones drop the `node` of the lock file together with those for other platforms, whose name it shares. */
const LEAST_NPM = 11

/** A new enough npm: the one that is here, or one that it fetches. */
function npmCommand(args) {
  const [command, given] = currentNpm(['--version'])
  const { stdout } = spawnSync(command, given, { encoding: 'utf8' })
  const isOld = Number.parseInt(stdout ?? '', 10) < LEAST_NPM
  return currentNpm(isOld ? ['exec', '--yes', '--loglevel=error', '--', `npm@${LEAST_NPM}`, ...args] : args)
}

/** The npm that runs this script with the Node.js that runs it: npm ci removes the one in node_modules. */
function currentNpm(args) {
  const { npm_execpath: npmPath, npm_node_execpath: nodePath } = process.env
  const usable = npmPath !== undefined && /npm-cli\.[cm]?js$/.test(npmPath) && existsSync(npmPath)
  if (usable && nodePath !== undefined && existsSync(nodePath)) return [nodePath, [npmPath, ...args]]
  return ['npm', args]
}

function adviceFor(output) {
  if (/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ECONNRESET|ENETUNREACH|ENOTCACHED/.test(output)) {
    return 'the package registry cannot be reached; check the network and the proxy settings of npm, then run the command again'
  }
  if (/ENOSPC/.test(output)) return 'the disk is full'
  if (/EACCES|EPERM|EROFS/.test(output))
    return 'no permission to write here; check who owns this folder and node_modules'
  if (/EUSAGE/.test(output)) return 'package.json and package-lock.json do not fit; run npm install'
  return 'see what npm says'
}

function lastLines(text) {
  return text
    .trim()
    .split('\n')
    .slice(-15)
    .map((line) => `  ${line}`)
    .join('\n')
}

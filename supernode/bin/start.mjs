// Starts the program of the package that this file lies in: its bundle, or its sources while there is no bundle
// that was made of just these. Plain JavaScript for any Node.js, since it also says which one is missing.
// The same file serves every program. `process.getBuiltinModule` loads less than an import does.

const LEAST_NODE = [24, 15]

await main()

async function main() {
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major < LEAST_NODE[0] || (major === LEAST_NODE[0] && minor < LEAST_NODE[1])) return refuseNode()
  const fs = process.getBuiltinModule('node:fs')
  const [, , first, second] = process.argv
  // Asked by scripts again and again, and so not worth loading anything for.
  if (first === '--version' && second === undefined) return printVersion(fs)
  keepCompiledCode(fs)
  await import(isBundleCurrent(fs) ? '../bundle/main.mjs' : '../src/main.ts')
}

function refuseNode() {
  const name = import.meta.url.split('/').at(-3)
  const advice = "run 'npm ci' in the checkout, which brings one"
  process.stderr.write(`${name}: needs Node.js ${LEAST_NODE.join('.')} or later, found ${process.versions.node}; ${advice}\n`)
  process.exitCode = 1
}

function printVersion(fs) {
  const { version } = JSON.parse(fs.readFileSync(`${import.meta.dirname}/../package.json`, 'utf8'))
  fs.writeSync(1, `${version}\n`)
}

/** Saves a good part of the start. Code that somebody else could have put there is never run. */
function keepCompiledCode(fs) {
  const { XDG_CACHE_HOME: cacheHome, HOME: home, NODE_COMPILE_CACHE: chosen } = process.env
  const parent = cacheHome?.startsWith('/') ? cacheHome : home?.startsWith('/') ? `${home}/.cache` : undefined
  if (chosen !== undefined || parent === undefined) return
  const directory = `${parent}/damselfly/compile`
  try {
    fs.mkdirSync(directory, { recursive: true, mode: 0o700 })
    const { uid, mode } = fs.statSync(directory)
    if (uid === process.geteuid?.() && (mode & 0o022) === 0) process.getBuiltinModule('node:module').enableCompileCache(directory)
  } catch {
    // It starts without as well.
  }
}

/** Whether the bundle was made of the files that are here. A published package has a bundle and nothing else. */
function isBundleCurrent(fs) {
  const here = import.meta.dirname
  if (!fs.existsSync(`${here}/../src/main.ts`)) return true
  try {
    const inputs = JSON.parse(fs.readFileSync(`${here}/../bundle/inputs.json`, 'utf8'))
    return inputs.every(([path, size, mtimeMs]) => {
      const found = fs.statSync(`${here}/../../${path}`, { throwIfNoEntry: false })
      return found !== undefined && found.size === size && found.mtimeMs === mtimeMs
    })
  } catch {
    return false
  }
}

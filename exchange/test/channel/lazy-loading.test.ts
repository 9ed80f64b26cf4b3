import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

/** Prints the packages that a program has loaded after it imported exchange. */
const PROGRAM = `
  import { registerHooks } from 'node:module'
  const packages = new Set()
  registerHooks({
    load(url, context, next) {
      const found = /node_modules\\/((?:@[^/]+\\/)?[^/]+)/.exec(url)
      if (found !== null) packages.add(found[1])
      return next(url, context)
    },
  })
  await import(process.argv[1])
  console.log([...packages].join(' '))
`

describe('importing exchange', () => {
  it('loads neither libp2p nor the certificate library, which take long', async () => {
    const index = new URL('../../src/index.ts', import.meta.url).href
    const options = ['--conditions=development', '--input-type=module', '--eval', PROGRAM, index]
    const { stdout } = await promisify(execFile)(process.execPath, options)
    const packages = stdout.trim().split(' ')
    assert.ok(packages.includes('multiformats'), stdout)
    assert.deepEqual(packages.filter((name) => /libp2p|x509|multiaddr|reflect-metadata/.test(name)), [])
  })
})

import { builtinModules } from 'node:module'

const NAMES = builtinModules.map((name) => name.replace(/^node:/, '').replaceAll('/', String.raw`\/`)).join('|')

/** As esbuild writes it: `import all, { one, two as other } from "node:fs";` or `import * as all from "node:fs";`. */
const IMPORT = new RegExp(String.raw`^import (?:(\w+)(?:, )?)?(?:\* as (\w+)|\{([^}]*)\})? ?(?:from )?"((?:node:)?(?:${NAMES}))";$`, 'gm')

/** For packages that are no modules: all that they may still ask for are Node.js's own ones. */
export const REQUIRE = 'const require = (name) => globalThis.process.getBuiltinModule(name);'

/**
 * Has a bundle get Node.js's own modules from `process.getBuiltinModule`. An import of one reads each of its exports
 * once, and `node:http` has some that load half of Node.js when they are read: 70 ms of a start.
 */
export function withoutBuiltinImports(code: string): string {
  return code.replace(IMPORT, (_statement, fallback?: string, all?: string, named?: string, name?: string) => {
    const loaded = `globalThis.process.getBuiltinModule(${JSON.stringify(name)})`
    const whole = [fallback, all].filter((local) => local !== undefined).map((local) => `const ${local} = ${loaded};`)
    const parts = named === undefined ? [] : [`const {${named.replaceAll(' as ', ': ')}} = ${loaded};`]
    return [...whole, ...parts].join(' ')
  })
}

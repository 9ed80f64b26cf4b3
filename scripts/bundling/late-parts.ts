import { dirname } from 'node:path'
import type { Plugin } from 'esbuild'

/**
 * Has every part of ours that is loaded late depend on all that is loaded at the start. It is there anyway, and
 * esbuild then leaves it in one file, instead of one for each set of late parts that share something with it.
 * No module that is loaded at the start may wait for a late part while it is being loaded: each would wait for the other.
 *
 * @param start the module that the main file imports
 */
export function lateParts(start: string): Plugin {
  return {
    name: 'late-parts',
    setup(build) {
      build.onResolve({ filter: /\.ts$|^@damselfly\// }, async ({ path, kind, importer, resolveDir }) => {
        if (kind !== 'dynamic-import') return undefined
        const found = await build.resolve(path, { kind: 'import-statement', importer, resolveDir })
        return { path: found.path, namespace: 'late', errors: found.errors }
      })
      build.onLoad({ filter: /.*/, namespace: 'late' }, ({ path }) => ({
        contents: `import ${JSON.stringify(start)}\nexport * from ${JSON.stringify(path)}`,
        resolveDir: dirname(path),
      }))
    },
  }
}

import { mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { build, stop, type BuildResult } from 'esbuild'
import { REQUIRE, withoutBuiltinImports } from './builtins.ts'
import { SBOM_FILE } from '../supply-chain/sbom.ts'
import { inputsOf } from './inputs.ts'
import { lateParts } from './late-parts.ts'

/** Looks for its native part beside its own files. */
const EXTERNAL = ['classic-level']

/** What Node.js would take of it finds its own parts by a `require` that no bundler sees. */
const ALIAS = { 'jsonc-parser': 'jsonc-parser/lib/esm/main.js' }

/** What a program runs in other threads; each lies beside what starts it, under the same name. */
const THREADS: Readonly<Record<string, readonly { readonly in: string; readonly out: string }[]>> = {
  supernode: [{ in: 'exchange/src/store/bytes/writing-thread.ts', out: 'writing-thread' }],
}

/** What lies beside the code, under the same name for every bundle. */
const LISTS: ReadonlySet<string> = new Set(['inputs.json', SBOM_FILE])

/** Programs that were started from an earlier bundle may still load parts of it; milliseconds. */
const KEEP_OLD_MS = 7 * 24 * 3600 * 1000

/**
 * Makes the bundle of the program in the folder `program`: `main.mjs`, the parts that it loads when they are needed,
 * and `inputs.json`, by which `bin/start.mjs` tells whether it is that of the sources. Who starts the program
 * meanwhile, or runs it since before, finds every file that belongs to what was started.
 *
 * @throws when the sources cannot be bundled, or change meanwhile
 */
export async function bundleProgram(root: string, program: string): Promise<void> {
  const startedAt = Date.now()
  const folder = join(root, program, 'bundle')
  const { outputFiles, metafile } = await bundle(root, program, folder)
  const inputs = inputsOf(root, Object.keys(metafile.inputs), startedAt)
  mkdirSync(folder, { recursive: true })
  const helpers = Object.keys(metafile.outputs).filter((path) => Object.keys(metafile.outputs[path]?.inputs ?? {}).length === 0)
  // The main file refers to parts, and the list of inputs vouches for all of them.
  for (const { path, text } of outputFiles.toSorted(mainLast)) {
    replaceFile(path, withoutUnused(withoutBuiltinImports(text), helpers.map((helper) => basename(helper))))
  }
  replaceFile(join(folder, 'inputs.json'), JSON.stringify(inputs))
  removeOld(folder, new Set(outputFiles.map(({ path }) => basename(path))))
}

/** Ends the process that bundles, which would stay for as long as this one. Nothing may be being bundled. */
export async function endBundling(): Promise<void> {
  await stop()
}

type Options = { readonly write: false; readonly metafile: true }

function bundle(root: string, program: string, outdir: string): Promise<BuildResult<Options>> {
  return build({
    absWorkingDir: root,
    entryPoints: [{ in: `${program}/src/main.ts`, out: 'main' }, ...(THREADS[program] ?? [])],
    outdir,
    outExtension: { '.js': '.mjs' },
    chunkNames: 'part-[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    conditions: ['development'],
    external: EXTERNAL,
    alias: ALIAS,
    plugins: [lateParts(join(root, program, 'src/program.ts'))],
    banner: { js: REQUIRE },
    logLevel: 'silent',
    metafile: true,
    write: false,
  })
}

/** esbuild's own helpers do nothing by being loaded, which takes a moment all the same. */
function withoutUnused(code: string, helpers: readonly string[]): string {
  return helpers.reduce((shorter, helper) => shorter.replace(`\nimport "./${helper}";\n`, '\n'), code)
}

function mainLast(a: { readonly path: string }, b: { readonly path: string }): number {
  return Number(basename(a.path) === 'main.mjs') - Number(basename(b.path) === 'main.mjs')
}

/** Whoever reads the file meanwhile gets the old content or the new one. */
function replaceFile(path: string, contents: string): void {
  const written = `${path}.${process.pid}`
  writeFileSync(written, contents)
  renameSync(written, path)
}

function removeOld(folder: string, current: ReadonlySet<string>): void {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name)
    const isOld = Date.now() - statSync(path).mtimeMs > KEEP_OLD_MS
    if (isOld && !current.has(name) && !LISTS.has(name)) rmSync(path)
  }
}

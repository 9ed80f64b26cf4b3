import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { licenceAt } from './licences.ts'
import { readLockFile } from './lock-file.ts'
import { productionPackages, type ProductionPackage } from './production.ts'

/** Beside a program's bundle. */
export const SBOM_FILE = 'sbom.cdx.json'

/** A part of a program, in CycloneDX's words. */
interface Component {
  readonly type: 'application' | 'library' | 'platform'
  readonly 'bom-ref': string
  readonly name: string
  readonly version: string
  readonly purl: string
  readonly licenses?: readonly { readonly expression: string }[]
  readonly hashes?: readonly { readonly alg: string; readonly content: string }[]
}

/**
 * What a program is made of, as CycloneDX 1.6: the program, each package that it needs to run, and the Node.js that comes with
 * it. The same for the same lock file, so it has neither a time nor a random number. It is written without a library, since those who
 * bundle have no development dependencies.
 */
export function sbomOf(root: string, program: string): Readonly<Record<string, unknown>> {
  const lock = readLockFile(root)
  const [own, ...needed] = programFirst(productionPackages(root, lock, [program]), program)
  if (own === undefined) throw new Error(`there is no program ${program}`)
  const platforms = platformsOf(root).flatMap((path) => productionPackages(root, lock, [path]))
  const refs = new Map([own, ...needed, ...platforms].map((one) => [one.path, refOf(one)]))
  return {
    $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: { lifecycles: [{ phase: 'build' }], component: componentOf(root, own, 'application') },
    components: [...needed.map((one) => componentOf(root, one, 'library')), ...platforms.map((one) => componentOf(root, one, 'platform'))],
    dependencies: [own, ...needed, ...platforms].map((one) => ({
      ref: refOf(one),
      dependsOn: [...one.needs, ...(one === own ? platforms.map(({ path }) => path) : [])].flatMap((path) => refs.get(path) ?? []).toSorted(),
    })),
  }
}

/** Writes it beside the program's bundle. @returns of how many components */
export function writeSbom(root: string, program: string): number {
  const sbom = sbomOf(root, program)
  const folder = join(root, program, 'bundle')
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, SBOM_FILE), `${JSON.stringify(sbom, null, 2)}\n`)
  return (sbom['components'] as readonly Component[]).length
}

function programFirst(packages: readonly ProductionPackage[], program: string): readonly ProductionPackage[] {
  return [...packages.filter(({ path }) => path === program), ...packages.filter(({ path }) => path !== program)]
}

/** Where the Node.js lies that is installed for this machine. */
function platformsOf(root: string): readonly string[] {
  const { optionalDependencies = {} } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { readonly optionalDependencies?: Readonly<Record<string, string>> }
  return Object.keys(optionalDependencies)
    .filter((name) => name.startsWith('node-'))
    .map((name) => `node_modules/${name}`)
    .filter((path) => existsSync(join(root, path)))
}

function componentOf(root: string, one: ProductionPackage, type: Component['type']): Component {
  const { name, version, integrity, path } = one
  const licence = licenceAt(join(root, path))
  return {
    type,
    'bom-ref': refOf(one),
    name,
    version,
    purl: purlOf(name, version),
    ...(licence !== undefined && { licenses: [{ expression: licence }] }),
    ...(integrity !== undefined && { hashes: [{ alg: 'SHA-512', content: Buffer.from(integrity.slice('sha512-'.length), 'base64').toString('hex') }] }),
  }
}

/** Two copies of one version may lie in different places. */
function refOf({ path, name, version }: ProductionPackage): string {
  return path.includes('node_modules/') ? `${path}@${version}` : `${name}@${version}`
}

function purlOf(name: string, version: string): string {
  return `pkg:npm/${name.replace('@', '%40')}@${version}`
}

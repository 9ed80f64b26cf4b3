import { execFile } from 'node:child_process'
import { access, constants } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Programs of others that figures are compared with: what makes them tell their version, and the Debian package. */
const PROGRAMS = {
  nginx: { versionArgument: '-v', debian: 'nginx-light' },
  curl: { versionArgument: '--version', debian: 'curl' },
  openssl: { versionArgument: 'version', debian: 'openssl' },
  aria2c: { versionArgument: '--version', debian: 'aria2' },
  skopeo: { versionArgument: '--version', debian: 'skopeo' },
  'docker-registry': { versionArgument: '--version', debian: 'docker-registry' },
} as const satisfies Record<string, { readonly versionArgument: string; readonly debian: string }>

export type ReferenceProgram = keyof typeof PROGRAMS

export interface InstalledProgram {
  readonly path: string
  /** Such as `7.88.1`; empty if it does not tell. */
  readonly version: string
}

/** Where servers are on Debian; not on everybody's PATH. */
const SERVER_FOLDERS = ['/usr/sbin', '/sbin', '/usr/local/sbin']

export async function findProgram(name: ReferenceProgram): Promise<InstalledProgram | undefined> {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== ''), ...SERVER_FOLDERS]
  for (const path of folders.map((folder) => join(folder, name))) {
    if (await isExecutable(path)) return { path, version: await versionOf(path, PROGRAMS[name].versionArgument) }
  }
  return undefined
}

/** What to install for it on Debian and its relatives. */
export function debianPackage(name: ReferenceProgram): string {
  return PROGRAMS[name].debian
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  )
}

async function versionOf(path: string, argument: string): Promise<string> {
  try {
    // nginx tells it on standard error.
    const { stdout, stderr } = await run(path, [argument], { timeout: 10_000 })
    return /\d+(?:\.\d+)+[a-z]?/.exec(`${stdout}${stderr}`)?.[0] ?? ''
  } catch {
    return ''
  }
}

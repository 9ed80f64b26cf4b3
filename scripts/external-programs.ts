import { spawnSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Programs that the end-to-end tests use as a user would, with the Debian packages they are in. */
const NEEDED: Readonly<Record<string, string>> = {
  nginx: 'nginx-light',
  curl: 'curl',
  openssl: 'openssl',
  ip: 'iproute2',
  'docker-registry': 'docker-registry',
  skopeo: 'skopeo',
  podman: 'podman',
  containerd: 'containerd',
  dockerd: 'docker.io',
  runc: 'runc',
  busybox: 'busybox-static',
  iptables: 'iptables',
  faketime: 'faketime',
  'swift-proxy-server': 'swift-proxy',
  'swift-account-server': 'swift-account',
  'swift-container-server': 'swift-container',
  'swift-object-server': 'swift-object',
}

/** Where servers are on Debian; not on everybody's PATH. */
const SERVER_FOLDERS = ['/usr/sbin', '/sbin', '/usr/local/sbin']

/** Installs what is missing where that is possible without asking; elsewhere the tests that need it are skipped. */
export function ensureExternalPrograms(): void {
  const missing = Object.keys(NEEDED).filter((program) => !isInstalled(program))
  if (missing.length === 0) return
  const packages = missing.map((program) => NEEDED[program] as string)
  if (process.getuid?.() !== 0 || !isInstalled('apt-get')) {
    process.stdout.write(`Not installed: ${missing.join(', ')}; the tests that need them are skipped.\n`)
    return
  }
  process.stdout.write(`Installing ${packages.join(', ')} for the end-to-end tests ...\n`)
  const installed = apt('update') && apt('install', '-y', '--no-install-recommends', ...packages)
  if (!installed) process.stdout.write(`That failed; the tests that need ${missing.join(', ')} are skipped.\n`)
}

function apt(...args: readonly string[]): boolean {
  const { status, stderr } = spawnSync('apt-get', ['-q', ...args], {
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    encoding: 'utf8',
  })
  if (status !== 0) process.stdout.write(stderr)
  return status === 0
}

function isInstalled(program: string): boolean {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), ...SERVER_FOLDERS]
  return folders.some((folder) => isExecutable(join(folder, program)))
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

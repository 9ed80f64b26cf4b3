import { writeFileSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { constants } from 'node:os'
import { digestOf, writeRandomFile } from './content.ts'
import type { DownloadDone } from './download.ts'
import { Lab } from './lab.ts'
import { LocalOrigin } from './local-origin.ts'

const PEERS = ['peer-1', 'peer-2', 'peer-3']

/** Large enough to be cut into many pieces, small enough to be over in seconds; bytes. */
const FILE_BYTES = 256 * 1024 * 1024

/** Origin's copy, CDN's, one in each peer; the outputs are links. */
const COPIES = 2 + PEERS.length

const USAGE = `npm run quickstart           a supernode, three peers, and a file from a local origin
npm run quickstart -- URL    the same with a file of your own
`

/**
 * Starts a supernode on its defaults and three peers, downloads one file through all three at once,
 * says what happened, and stops everything again.
 *
 * @returns the exit code
 */
export async function quickstart(args: readonly string[]): Promise<number> {
  const [url, ...rest] = args
  if (rest.length > 0 || url === '--help' || url === '-h') {
    say(USAGE)
    return rest.length > 0 ? 2 : 0
  }
  if (url !== undefined && !URL.canParse(url)) {
    say(`quickstart: '${url}' is not a URL\n`)
    return 2
  }
  const lab = await Lab.create()
  const interrupted = onInterrupt()
  try {
    return await Promise.race([interrupted.signal, run(lab, url)])
  } catch (error) {
    say(`\nquickstart: ${error instanceof Error ? error.message : String(error)}\n`)
    return 1
  } finally {
    interrupted.end()
    await lab.stop()
  }
}

async function run(lab: Lab, url: string | undefined): Promise<number> {
  const local = url === undefined ? await startOrigin(lab) : undefined
  try {
    say('Starting a supernode and three peers ... ')
    const supernode = await lab.supernode('supernode', { config: { origins: { private: 'allow' } } })
    const peers = await Promise.all(PEERS.map((name) => lab.daemon(name, { supernodes: [supernode.address] })))
    say(`done\n  supernode    ${supernode.address}, management API http://127.0.0.1:${supernode.ports.management}\n`)
    say(`  peers        ${peers.length}, each a dfdaemon with its own data\n\n`)

    const target = url ?? local?.origin.url ?? ''
    say(`Downloading ${target} through all three at once ... `)
    const started = performance.now()
    const downloads = peers.map((peer, i) => lab.download(target, outputOf(lab, i), peer).done())
    const results = await Promise.all(downloads)
    const seconds = (performance.now() - started) / 1000
    const digests = await Promise.all(peers.map((_, i) => digestOf(outputOf(lab, i))))
    const fromOrigin = await supernode.metric('damselfly_origin_bytes_total')
    say('done\n\n')
    account(results, digests, seconds, fromOrigin + sum(results.map(({ bytesFrom }) => bytesFrom.origin)))
    if (local !== undefined) say(`  the origin itself counted ${bytes(local.origin.bodyBytes)} sent\n`)
    return new Set([...digests, local?.digest ?? digests[0]]).size === 1 ? 0 : 1
  } finally {
    await local?.origin.stop()
  }
}

/** A file that a local origin serves. */
interface LocalFile {
  readonly origin: LocalOrigin
  /** SHA-256 in hexadecimal. */
  readonly digest: string
}

async function startOrigin(lab: Lab): Promise<LocalFile> {
  const { bavail, bsize } = await statfs(lab.directory)
  if (bavail * bsize < COPIES * FILE_BYTES) {
    throw new Error(`${lab.directory} has less than ${bytes(COPIES * FILE_BYTES)} free; set TMPDIR to a larger disk`)
  }
  say(`Making a file of ${bytes(FILE_BYTES)} and a local origin for it ... `)
  const path = lab.path('file')
  const digest = await writeRandomFile(path, FILE_BYTES, Date.now())
  say('done\n')
  return { origin: await LocalOrigin.start(path), digest }
}

function outputOf(lab: Lab, peer: number): string {
  return lab.path(`downloaded-by-${PEERS[peer]}`)
}

function account(results: readonly DownloadDone[], digests: readonly string[], seconds: number, fromOrigin: number): void {
  const [first] = results
  const length = first?.contentLength ?? 0
  const total = length * results.length
  const fromPeers = sum(results.map(({ bytesFrom }) => bytesFrom.peers))
  const fromCdn = sum(results.map(({ bytesFrom }) => bytesFrom.cdn))
  const share = (part: number): string => (total === 0 ? '' : ` (${Math.round((100 * part) / total)}%)`)
  say(`  ${results.length} x ${bytes(length)} in ${seconds.toFixed(1)} s\n`)
  say(`  from the origin   ${bytes(fromOrigin)}${length === 0 ? '' : ` (${(fromOrigin / length).toFixed(2)}x of the file)`}\n`)
  say(`  from the CDN      ${bytes(fromCdn)}${share(fromCdn)}\n`)
  say(`  from peers        ${bytes(fromPeers)}${share(fromPeers)}\n`)
  say(`  digests           ${new Set(digests).size === 1 ? 'equal' : 'DIFFERENT'}, sha256:${digests[0]}\n`)
}

function bytes(count: number): string {
  if (count < 1024 * 1024) return `${count} bytes`
  return `${(count / 1024 / 1024).toFixed(1)} MiB`
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}

/** Synchronously, so that the account stands before the programs' own ends. */
function say(text: string): void {
  writeFileSync(1, text)
}

function onInterrupt(): { readonly signal: Promise<number>; end(): void } {
  const { promise, resolve } = Promise.withResolvers<number>()
  const stop = (signal: NodeJS.Signals): void => resolve(128 + constants.signals[signal])
  process.once('SIGINT', stop)
  process.once('SIGTERM', stop)
  return {
    signal: promise,
    end: () => {
      process.off('SIGINT', stop)
      process.off('SIGTERM', stop)
    },
  }
}

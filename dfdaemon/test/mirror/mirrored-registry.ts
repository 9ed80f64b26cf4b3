import { createServer, request, type IncomingMessage, type RequestListener, type Server } from 'node:http'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { createHttpSource, createRegistryAccess, createSources, type RegistryAccess, type RegistryOptions, type SourceClient } from '@damselfly/cdn'
import { formatDigest, sha256, systemClock, VirtualClock } from '@damselfly/shared'
import { createRegistry } from '@damselfly/shared/metrics'
import { silentLogger } from '@damselfly/shared/logging'
import { Mirror } from '../../src/mirror/mirror.ts'
import { FakePeer, type FakeContent } from '../../src/testing/index.ts'

/** All bytes of it are the same. */
export const blob: Buffer = Buffer.alloc(300_000, 7)
export const manifest: Buffer = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: 'application/vnd.oci.image.manifest.v1+json' }))
export const BLOB: string = pathOfBlob(blob)
export const MANIFEST = `/v2/app/manifests/${formatDigest(sha256(manifest))}`

/** Of tags and of callers; milliseconds. */
export const MEMORY_MS = 60_000
export const STALE_MS: number = 10 * MEMORY_MS
export const STALL_MS = 5_000

export interface Answer {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly bytes: Buffer
}

export interface MirroredRegistryInit {
  /** How the registry answers. */
  readonly answer: RequestListener
  /** What the peer can bring, by the path that the registry has it under. @default nothing */
  readonly contents?: Readonly<Record<string, FakeContent>>
  readonly beforePiece?: ((index: number) => Promise<void>) | undefined
  /** What the daemon is told of the registry. */
  readonly login?: Omit<RegistryOptions, 'host'>
}

/** A registry that answers as it is told, and a mirror with a peer in front of it. */
export class MirroredRegistry {
  readonly clock: VirtualClock = new VirtualClock()
  readonly peer: FakePeer
  readonly upstream: Server
  readonly mirror: Mirror
  /** `METHOD URL` of what the registry was asked. */
  readonly asked: string[]
  readonly #directory: string
  readonly #source: SourceClient
  readonly #registries: RegistryAccess
  #url = ''

  private constructor(directory: string, upstream: Server, asked: string[], { contents = {}, beforePiece, login }: MirroredRegistryInit) {
    const host = `127.0.0.1:${(upstream.address() as AddressInfo).port}`
    const urlOf = (path: string): string => path.replace(/^\/v2\/(.*)\/(?:blobs|manifests)\//, `oci://${host}/$1@`)
    const byUrl = Object.fromEntries(Object.entries(contents).map(([path, content]) => [urlOf(path), content]))
    const http = { policy: { trustRequestedHost: true } }
    const init = { http, s3: [], registries: [{ host, ...login }], files: [], othersMayLogIn: false, clock: systemClock }
    const web = createHttpSource(http)
    this.#directory = directory
    this.upstream = upstream
    this.asked = asked
    this.peer = new FakePeer({ dataDir: directory, contents: byUrl, beforePiece })
    this.#source = createSources(init, web)
    this.#registries = createRegistryAccess(init, web)
    this.mirror = new Mirror({
      peer: this.peer,
      source: this.#source,
      registries: this.#registries,
      registry: createRegistry(),
      settings: {
        host: '127.0.0.1',
        port: 0,
        usual: host,
        tagMemoryMs: MEMORY_MS,
        staleIfErrorMs: STALE_MS,
        accessMemoryMs: MEMORY_MS,
        readAhead: 1,
        stallMs: STALL_MS,
      },
      clock: this.clock,
      logger: silentLogger(),
    })
  }

  static async start(init: MirroredRegistryInit): Promise<MirroredRegistry> {
    const asked: string[] = []
    const upstream = createServer((question, reply) => {
      asked.push(`${question.method} ${question.url}`)
      init.answer(question, reply)
    })
    upstream.listen(0, '127.0.0.1')
    await once(upstream, 'listening')
    const directory = await mkdtemp(join(tmpdir(), 'damselfly-mirror-'))
    const mirrored = new MirroredRegistry(directory, upstream, asked, init)
    mirrored.#url = await mirrored.mirror.start()
    return mirrored
  }

  /** Of the mirror. */
  get url(): string {
    return this.#url
  }

  async ask(path: string, headers: Record<string, string> = {}, method = 'GET', body?: string): Promise<Answer> {
    const asking = request(this.#url + path, { agent: false, method, headers }).end(body)
    const [answer] = (await once(asking, 'response')) as [IncomingMessage]
    return { status: answer.statusCode ?? 0, headers: answer.headers, bytes: await buffer(answer) }
  }

  /** Asks and goes away once `begun` resolves. */
  async askAndLeave(path: string, begun: Promise<void>): Promise<void> {
    const asking = request(this.#url + path, { agent: false }).end()
    asking.on('error', () => undefined)
    await begun
    asking.destroy()
  }

  async stop(): Promise<void> {
    await this.mirror.stop(0)
    this.upstream.closeAllConnections()
    this.upstream.close()
    await this.peer.stop()
    await this.#registries.close()
    await this.#source.close()
    await rm(this.#directory, { recursive: true })
  }
}

export function pathOfBlob(bytes: Uint8Array): string {
  return `/v2/app/blobs/${formatDigest(sha256(bytes))}`
}

/** Answers everything with the same bytes. */
export function serves(bytes: Buffer, headers: Record<string, string> = {}): RequestListener {
  return (_question, reply) => reply.writeHead(200, { 'content-length': bytes.length, ...headers }).end(bytes)
}

/** The same, with parts of them. */
export function servesRanges(bytes: Buffer): RequestListener {
  return (question, reply) => {
    const [, first = '0', last = String(bytes.length - 1)] = /bytes=(\d+)-(\d+)/.exec(question.headers.range ?? '') ?? []
    const part = bytes.subarray(Number(first), Number(last) + 1)
    const headers = { 'content-length': part.length, 'accept-ranges': 'bytes' }
    if (question.headers.range === undefined) reply.writeHead(200, headers).end(part)
    else reply.writeHead(206, { ...headers, 'content-range': `bytes ${first}-${last}/${bytes.length}` }).end(part)
  }
}

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import type { RegistryAccess } from '@damselfly/cdn'
import { DamselflyError, redactUrl, systemCode, toDamselflyError, type Clock } from '@damselfly/shared'
import type { Secret } from '@damselfly/shared/config'
import type { Logger } from '@damselfly/shared/logging'
import type { Registry } from '@damselfly/shared/metrics'
import { whileConnected } from '../http/while-connected.ts'
import type { Mirror } from '../mirror/mirror.ts'
import type { Peer } from '../peer/peer.ts'
import { loadAuthority } from './authority-file.ts'
import { Forwarder } from './forward.ts'
import { HostList, singleHosts } from './host-list.ts'
import { Interception } from './interception.ts'
import { LeafCertificates } from './leaf-certificates.ts'
import { Logins } from './logins.ts'
import { ProxyMetrics } from './proxy-metrics.ts'
import { refuse, refuseTunnel } from './refusal.ts'
import { requestedUrl } from './requested-url.ts'
import { Rules, type RuleSettings, type Verdict } from './rules.ts'
import { answerFromSwarm, canComeFromSwarm } from './swarm-answer.ts'
import { TargetGate } from './target-gate.ts'
import { formatTarget, parseAuthority, targetOf, type Target } from './target.ts'
import { dial, join } from './tunnel.ts'

export interface ProxySettings {
  readonly host: string
  /** 0: any free one. */
  readonly port: number
  /** Passwords by name; none: everybody who can connect is let in. */
  readonly users: Readonly<Record<string, Secret>>
  /** Hosts, addresses and networks that may be private. */
  readonly allow: readonly string[]
  readonly connectPorts: readonly number[]
  /** Hosts that are answered as registries, behind TLS of our own. */
  readonly registries: readonly string[]
  /** Other hosts whose TLS is ended here. */
  readonly intercept: readonly string[]
  readonly rules: readonly RuleSettings[]
  readonly maxConnections: number
  /** The longest that a connection may be silent; milliseconds. */
  readonly idleMs: number
}

export interface ProxyInit {
  readonly settings: ProxySettings
  /** Where the CA is kept. */
  readonly authorityFile: string
  readonly peer: Peer
  /** Answers for registries; undefined: they are asked themselves. */
  readonly mirror: Mirror | undefined
  /** How registries are reached, which holds for all that their hosts have. */
  readonly registries: Pick<RegistryAccess, 'tls'>
  /** Other ports of this daemon. */
  readonly ownPorts: () => readonly number[]
  readonly registry: Registry
  readonly clock: Clock
  readonly logger: Logger
}

/** As large as the mirror's own; bytes. */
const MAX_HEADER_BYTES = 128 * 1024
/** For the headers of a request; milliseconds. */
const HEADERS_MS = 30_000

/** A forward proxy: tunnels, requests by whole URLs, and TLS that ends here for chosen hosts. */
export class Proxy {
  readonly #init: ProxyInit
  readonly #rules: Rules
  readonly #logins: Logins
  readonly #gate: TargetGate
  readonly #registries: HostList
  readonly #intercepted: HostList
  readonly #forwarder: Forwarder
  readonly #metrics: ProxyMetrics
  readonly #server: Server
  /** That asked for a tunnel, whatever became of it. */
  readonly #clients = new Set<Duplex>()
  #interception: Interception | undefined
  #stopped: Promise<void> | undefined

  /** @throws DamselflyError CONFIG_INVALID */
  constructor(init: ProxyInit) {
    const { users, rules, registries, intercept, allow, connectPorts, idleMs, maxConnections } = init.settings
    const intercepted = [...registries, ...intercept]
    this.#init = init
    this.#rules = new Rules(rules)
    this.#logins = new Logins(users)
    this.#gate = new TargetGate({
      // Whom the configuration names is meant to be reached.
      allow: [...allow, ...singleHosts(intercepted)],
      connectPorts,
      intercepted,
      ownPorts: () => [...init.ownPorts(), this.#port],
    })
    this.#registries = new HostList(registries)
    this.#intercepted = new HostList(intercepted)
    this.#forwarder = new Forwarder(this.#gate, idleMs, (host) => init.registries.tls(host))
    this.#metrics = new ProxyMetrics(init.registry)
    this.#server = createServer({ maxHeaderSize: MAX_HEADER_BYTES, headersTimeout: HEADERS_MS, requestTimeout: 0 })
    this.#server.maxConnections = maxConnections
    this.#server.setTimeout(idleMs)
    this.#server.on('request', (request, response) => void this.#answer(request, response))
    this.#server.on('connect', (request: IncomingMessage, socket: Duplex, head: Buffer) => void this.#connect(request, socket, head))
  }

  /** @returns where it listens, such as `http://127.0.0.1:65005` @throws DamselflyError ADDRESS_IN_USE, CONFIG_INVALID, DISK_… */
  async start(): Promise<string> {
    const { settings, authorityFile, clock } = this.#init
    const intercepted = [...settings.registries, ...settings.intercept]
    if (intercepted.length > 0) {
      const authority = await loadAuthority(authorityFile, intercepted, clock)
      this.#interception = new Interception(new LeafCertificates(authority, clock), this.#server, clock)
    }
    await listen(this.#server, settings)
    return `http://${formatTarget({ host: settings.host, port: this.#port })}`
  }

  /** Lets requests and tunnels end within `graceMs`. Idempotent. */
  stop(graceMs: number): Promise<void> {
    this.#stopped ??= this.#end(graceMs)
    return this.#stopped
  }

  get #port(): number {
    return (this.#server.address() as AddressInfo | null)?.port ?? 0
  }

  async #end(graceMs: number): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    const cancel = this.#init.clock.after(graceMs, () => {
      for (const client of this.#clients) client.destroy()
      this.#server.closeAllConnections()
    })
    await closed
    cancel()
    await this.#forwarder.close()
  }

  async #connect(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    // From here on nobody else looks after it.
    socket.on('error', () => socket.destroy())
    this.#clients.add(socket)
    socket.once('close', () => this.#clients.delete(socket))
    try {
      this.#logins.require(request.headers['proxy-authorization'])
      if (this.#interception?.targetOf(socket) !== undefined) throw new DamselflyError('USAGE', 'there are no tunnels within an intercepted connection')
      const target = parseAuthority(request.url ?? '')
      this.#gate.requireTunnel(target)
      if (head.length > 0) socket.unshift(head)
      if (this.#interception !== undefined && this.#intercepted.names(target)) await this.#interception.begin(socket, target)
      else await this.#tunnel(socket, target)
    } catch (error) {
      this.#noteRefusal(error, request.url ?? '')
      refuseTunnel(socket, error, this.#init.clock)
    }
  }

  async #tunnel(socket: Duplex, target: Target): Promise<void> {
    const verdict = this.#rules.judge(`https://${formatTarget(target, 443)}/`)
    if (verdict?.type === 'block') throw blocked(verdict)
    const remote = await dial(target, this.#gate)
    socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
    const end = join(socket, remote, this.#init.settings.idleMs)
    this.#metrics.count('tunnelled')
    if (socket.destroyed) end()
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const signal = whileConnected(response)
    let shown = ''
    try {
      const intercepted = this.#interception?.targetOf(request.socket)
      // Who talks within an intercepted connection has been let in when it was opened.
      if (intercepted === undefined) this.#logins.require(request.headers['proxy-authorization'])
      const url = requestedUrl(request, intercepted)
      shown = redactUrl(url.href)
      this.#gate.requireAddress(targetOf(url))
      await this.#dispatch(url, request, response, signal)
    } catch (error) {
      if (!signal.aborted) this.#noteRefusal(error, shown)
      refuse(response, error)
    }
  }

  async #dispatch(url: URL, request: IncomingMessage, response: ServerResponse, signal: AbortSignal): Promise<void> {
    const verdict = this.#rules.judge(url.href)
    if (verdict?.type === 'block') throw blocked(verdict)
    if (verdict?.type === 'redirect') {
      this.#metrics.count('redirected')
      response.writeHead(307, { location: verdict.location, 'content-length': 0 }).end()
      return
    }
    if (verdict?.type !== 'direct' && this.#isForMirror(url)) return this.#answerAsRegistry(url, request, response)
    if (verdict?.type === 'swarm' && canComeFromSwarm(request)) {
      await this.#gate.requireResolved(targetOf(url))
      if (await answerFromSwarm(url, request, response, { ...this.#init, signal })) return this.#metrics.count('swarm')
    }
    await this.#forwarder.answer(url, request, response, signal)
    this.#metrics.count('direct')
  }

  /** Without TLS only where that registry is asked without it too. */
  #isForMirror(url: URL): boolean {
    const { mirror } = this.#init
    if (mirror === undefined || !this.#registries.names(targetOf(url)) || !/^\/v2(?:\/|$)/.test(url.pathname)) return false
    return url.protocol === 'https:' || mirror.asksPlainly(url.host)
  }

  #answerAsRegistry(url: URL, request: IncomingMessage, response: ServerResponse): void {
    this.#metrics.count('registry')
    // In place of what the client may have said: it has been let in to this host.
    url.searchParams.set('ns', url.host)
    request.url = url.pathname + url.search
    delete request.headers['proxy-authorization']
    this.#init.mirror?.answer(request, response)
  }

  #noteRefusal(error: unknown, target: string): void {
    const { code, message } = toDamselflyError(error)
    const isFailure = code === 'ORIGIN_UNREACHABLE' || code === 'INTERNAL'
    this.#metrics.count(isFailure ? 'failed' : 'refused')
    this.#init.logger.info({ target, code, error: message }, 'the proxy refused a request')
  }
}

function blocked({ rule }: Extract<Verdict, { readonly type: 'block' }>): DamselflyError {
  return new DamselflyError('BLOCKED', `blocked by the proxy's rule: ${rule}`)
}

async function listen(server: Server, { host, port }: ProxySettings): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject)
  server.listen({ host, port }, resolve)
  try {
    await promise
  } catch (error) {
    const reason = systemCode(error) ?? toDamselflyError(error).message
    throw new DamselflyError('ADDRESS_IN_USE', `cannot listen on ${formatTarget({ host, port })} (proxy.port): ${reason}`, { cause: error })
  } finally {
    server.off('error', reject)
  }
}

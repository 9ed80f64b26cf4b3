import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { RateLimiter, systemClock } from '@damselfly/shared'
import { Registry } from '@damselfly/shared/metrics'
import { silentLogger } from '@damselfly/shared/logging'
import type { Scrubber, ScrubStatus } from '@damselfly/exchange'
import { roomyCollector } from '@damselfly/exchange/testing/piece-store'
import { loadAdminToken } from '../src/access/admin-token.ts'
import { AuditLog } from '../src/access/audit-log.ts'
import { ApiTokens, type NewToken } from '../src/access/api-tokens.ts'
import { Authenticator } from '../src/access/authenticator.ts'
import { ClientCertificates } from '../src/access/client-certificates.ts'
import type { OidcTokens } from '../src/access/oidc/oidc-tokens.ts'
import { RefusalLog } from '../src/access/refusal-log.ts'
import { TrustedProxies } from '../src/access/client-address.ts'
import { Front, type FrontInit } from '../src/api/front.ts'
import { createManagementApi, type ManagementApi, type ManagementApiOptions } from '../src/api/management-api.ts'
import type { ClientRole } from '../src/config/management-config.ts'
import { createControlBench, type ControlBench } from './control-bench.ts'

/** A management API on a free port of loopback, over a control plane with virtual time. */
export class ApiBench {
  readonly dataDir: string
  readonly control: ControlBench
  readonly tokens: ApiTokens
  readonly audit: AuditLog
  readonly refusals: RefusalLog
  readonly cdnUploads: RateLimiter
  readonly adminToken: string
  isReady = true
  readonly #options: ManagementApiOptions
  readonly #api: ManagementApi
  base = ''

  private constructor(dataDir: string, adminToken: string, authenticatorOf: (tokens: ApiTokens, control: ControlBench) => Authenticator, more: Partial<ManagementApiOptions>) {
    this.dataDir = dataDir
    this.adminToken = adminToken
    this.control = createControlBench()
    this.cdnUploads = new RateLimiter(0, this.control.clock)
    this.tokens = new ApiTokens({ dataDir, clock: this.control.clock, logger: silentLogger() })
    this.audit = new AuditLog({ dataDir, clock: this.control.clock, logger: silentLogger() })
    this.refusals = new RefusalLog({ dataDir, clock: this.control.clock, logger: silentLogger() })
    this.#options = this.#optionsWith(authenticatorOf(this.tokens, this.control))
    this.#api = createManagementApi({ ...this.#options, ...more })
  }

  static async start(more: Partial<ManagementApiOptions> = {}, clientRoles: readonly ClientRole[] = [], oidc?: OidcTokens): Promise<ApiBench> {
    const dataDir = await mkdtemp(join(tmpdir(), 'damselfly-api-'))
    const adminToken = await loadAdminToken(dataDir)
    const text = (await readFile(adminToken.path, 'utf8')).trim()
    const bench = new ApiBench(dataDir, text, (tokens, { clock }) => new Authenticator({ adminToken, tokens, certificates: new ClientCertificates(clientRoles, clock), oidc, clock }), more)
    bench.base = (await bench.#api.start())[0] ?? ''
    return bench
  }

  /** Another one that would have the same routes. */
  another(port: number): ManagementApi {
    return createManagementApi({ ...this.#options, addresses: [{ host: '127.0.0.1', port }] })
  }

  /** What stands before the API; as it is configured unless told otherwise. */
  front(more: Partial<FrontInit>): Front {
    const proxies = new TrustedProxies([], 'x-forwarded-for')
    // All come from one address, in no time.
    return new Front({ limits: { connections: 512, connectionsPerAddress: 512 }, proxies, registry: new Registry(), clock: systemClock, logger: silentLogger(), ...more })
  }

  /** A new token's text. */
  async token(given: Partial<NewToken> & Pick<NewToken, 'role'>): Promise<string> {
    const { text } = await this.tokens.create({ name: `test ${given.role}`, scopes: null, expiresAt: null, usesLeft: null, createdBy: 'test', ...given })
    return text
  }

  /** With the admin token, unless another or none ('') is given. */
  async request(path: string, { token = this.adminToken, method = 'GET', body, headers = {} }: ApiRequest = {}): Promise<Response> {
    return fetch(`${this.base}${path}`, {
      method,
      headers: {
        ...(token === '' ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
  }

  async stop(): Promise<void> {
    await this.#api.stop()
    await this.tokens.stop()
    await this.audit.stop()
    await this.refusals.log.stop()
    await this.control.stop()
    await rm(this.dataDir, { recursive: true })
  }

  #optionsWith(authenticator: Authenticator): ManagementApiOptions {
    const { control, tokens, cdnUploads } = this
    const { identity, peerAdmission, tasks, peers, scheduler, decisions, blockRules, rateRules, priorityRules, rateControl, preheats, catalogue, clock, metrics } = control
    return {
      addresses: [{ host: '127.0.0.1', port: 0 }],
      front: this.front({}),
      authenticator,
      tls: undefined,
      allowedOrigins: [],
      openMetrics: false,
      sources: {
        version: '1.2.3',
        peerId: identity.peerId,
        tokens,
        audit: this.audit,
        refusals: this.refusals,
        peerAdmission,
        tasks,
        peers,
        scheduler,
        decisions,
        collector: roomyCollector(),
        scrubber: idleScrubber(),
        registry: metrics.registry,
        isReady: () => this.isReady,
        blockRules,
        rateRules,
        priorityRules,
        rateControl,
        preheats,
        sources: {},
        catalogue,
        keeping: { pin: async () => undefined, evict: async () => undefined },
        cdnUploads,
        clock,
      },
      logger: silentLogger(),
    }
  }
}

export interface ApiRequest {
  readonly token?: string
  readonly method?: string
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

function idleScrubber(): Pick<Scrubber, 'status' | 'begin'> {
  const status: ScrubStatus = { settings: { rate: 1000, every: 0 }, running: undefined, last: undefined, totals: { bytes: 0, damaged: 0 } }
  const running = { startedAt: 1000, tasks: 0, pieces: 0, bytes: 0, damaged: 0 }
  return { status: () => status, begin: () => ({ ...status, running }) }
}

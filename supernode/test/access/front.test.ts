import assert from 'node:assert/strict'
import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { connect, type Socket } from 'node:net'
import { Registry } from '@damselfly/shared/metrics'
import { TrustedProxies } from '../../src/access/client-address.ts'
import { ApiBench } from '../api-bench.ts'

describe('what stands before the management API', () => {
  const registry = new Registry()
  let api: ApiBench
  const start = async (more: Parameters<ApiBench['front']>[0]): Promise<void> => {
    const prepared = await ApiBench.start()
    const front = prepared.front({ registry, ...more })
    await prepared.stop()
    api = await ApiBench.start({ front })
  }
  afterEach(async () => {
    await api.stop()
    registry.clear()
  })

  const from = async (localAddress: string, token: string, headers: Record<string, string> = {}): Promise<number | undefined> => {
    const request = get(`${api.base}/api/v1/version`, { localAddress, agent: false, headers: { authorization: `Bearer ${token}`, ...headers } })
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    response.resume()
    await once(response, 'end')
    return response.statusCode
  }
  const guessThrough = async (times: number, headers: (n: number) => Record<string, string>): Promise<readonly (number | undefined)[]> => {
    const answers: (number | undefined)[] = []
    for (let n = 0; n < times; n++) answers.push(await from('127.0.0.1', `wrong-${n}`, headers(n)))
    return answers
  }

  it('believes trusted proxies on where callers come from, so that one who guesses shuts nobody else out', async () => {
    await start({ proxies: new TrustedProxies(['127.0.0.1'], 'x-forwarded-for') })
    assert.deepEqual(await guessThrough(7, () => ({ 'x-forwarded-for': '203.0.113.5' })), [401, 401, 401, 401, 401, 401, 429])
    assert.equal(await from('127.0.0.1', 'wrong', { 'x-forwarded-for': '203.0.113.6' }), 401)
    assert.deepEqual(new Set(api.refusals.log.list(10).map(({ address }) => address)), new Set(['203.0.113.5', '203.0.113.6']))
  })

  it('takes what callers write before them for nothing', async () => {
    await start({ proxies: new TrustedProxies(['127.0.0.1'], 'x-forwarded-for') })
    const answers = await guessThrough(7, (n) => ({ 'x-forwarded-for': `198.51.100.${n}, 203.0.113.5`, forwarded: `for=192.0.2.${n}` }))
    assert.equal(answers.at(-1), 429)
  })

  it('believes nobody else', async () => {
    await start({ proxies: new TrustedProxies(['10.0.0.0/8'], 'x-forwarded-for') })
    const answers = await guessThrough(7, (n) => ({ 'x-forwarded-for': `203.0.113.${n}` }))
    assert.equal(answers.at(-1), 429)
    assert.deepEqual(new Set(api.refusals.log.list(10).map(({ address }) => address)), new Set(['127.0.0.1']))
  })

  it('closes what one address has too many of, lets others in, and counts it', async function () {
    if (process.platform !== 'linux') this.skip()
    await start({ limits: { connections: 100, connectionsPerAddress: 3 } })
    const { hostname, port } = new URL(api.base)
    const open = (): Socket => connect({ host: hostname, port: Number(port), localAddress: '127.0.0.9' })
    const held = [open(), open(), open()]
    await Promise.all(held.map((socket) => once(socket, 'connect')))
    const beyond = open().on('error', () => undefined).resume()
    await once(beyond, 'close')
    assert.equal(await from('127.0.0.8', api.adminToken), 200)
    assert.match(await registry.metrics(), /damselfly_management_connections_refused_total\{limit="connections-per-address"\} 1/)
    for (const socket of held) socket.destroy()
  })

  it('counts who was turned away, by error code', async () => {
    await start({})
    await (await api.request('/api/v1/gc', { method: 'POST', token: await api.token({ role: 'viewer' }), body: {} })).arrayBuffer()
    await (await api.request('/api/v1/version', { token: '' })).arrayBuffer()
    const shown = await registry.metrics()
    assert.match(shown, /damselfly_management_refused_total\{code="FORBIDDEN"\} 1/)
    assert.match(shown, /damselfly_management_refused_total\{code="UNAUTHORIZED"\} 1/)
  })
})

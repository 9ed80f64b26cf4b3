import assert from 'node:assert/strict'
import type { networkInterfaces } from 'node:os'
import { isDamselflyError } from '@damselfly/shared'
import { loadConfig, printConfig } from '@damselfly/shared/config'
import { daemonConfigSchema, type DaemonConfig } from '../../src/config/config.ts'
import { defaultConfigFile, defaultDataDir } from '../../src/config/directories.ts'
import { originPolicy, peerListen, supernodeAddresses } from '../../src/config/peer-settings.ts'
import { defaultSocketPath, socketCandidates } from '../../src/api/socket-path.ts'
import { NO_RATES } from '../../src/peer/host-rates.ts'

type Interfaces = ReturnType<typeof networkInterfaces>

function load(text: string, env: Record<string, string> = {}): DaemonConfig {
  return loadConfig({ schema: daemonConfigSchema, program: 'dfdaemon', file: { path: 'dfdaemon.yaml', text }, env, flags: {} })
}

function interfaces(...families: readonly ('IPv4' | 'IPv6')[]): Interfaces {
  const rest = { netmask: '', mac: '', internal: true, cidr: null }
  return {
    lo: families.map((family) =>
      family === 'IPv4' ? { ...rest, family, address: '127.0.0.1' } : { ...rest, family, address: '::1', scopeid: 0 },
    ),
  }
}

describe('the configuration of the daemon', () => {
  it('needs nothing', () => {
    const { security, listen, origins, rates } = load('')
    assert.equal(security, 'auto')
    assert.deepEqual(listen, { addresses: [], directPort: 65_002, libp2pPort: 65_003, plainPort: 65_004 })
    assert.deepEqual(origins, { allow: [], private: 'requested', insecure: [], s3: [], registries: [] })
    assert.deepEqual(rates, NO_RATES)
  })

  it('reads units, lists and variables, and prints what it reads', () => {
    const config = load('rates:\n  upload: 10MiB/s\nstopGrace: 5s\n', { DAMSELFLY_DFDAEMON_SUPERNODES: 'a:1,[::1]:2' })
    assert.equal(config.rates.upload, 10 * 1024 * 1024)
    assert.equal(config.stopGrace, 5000)
    assert.deepEqual(config.supernodes, ['a:1', '[::1]:2'])
    assert.deepEqual(load(printConfig(daemonConfigSchema, config)), config)
  })

  it('is refused by name and line', () => {
    const refusal = (text: string, pattern: RegExp): void =>
      assert.throws(() => load(text), (error) => isDamselflyError(error, 'CONFIG_INVALID') && pattern.test(error.message), text)
    refusal('uploadSlot: 3', /uploadSlot.*uploadSlots/)
    refusal('supernodes:\n  - "http://a/b"\n', /supernodes\[?\.?0\]? \(dfdaemon\.yaml:2\).*HOST:PORT/)
    refusal('listen: { addresses: [localhost] }', /IP address/)
    refusal('listen: { directPort: 70000 }', /directPort/)
    refusal('security: none', /security/)
    refusal('proxy: { address: 0.0.0.0 }', /proxy\.users/)
    refusal('proxy:\n  rules:\n    - { url: "(", action: block }\n', /proxy\.rules.*dfdaemon\.yaml:3.*Unterminated group/)
    refusal('proxy: { rules: [{ url: a, action: redirect }] }', /proxy\.rules.*to/)
    refusal('proxy: { intercept: ["a b"] }', /proxy\.intercept/)
  })
})

describe('what the peer is told', () => {
  const listenFor = (text: string, found: Interfaces): ReturnType<typeof peerListen> => peerListen(load(text), found)

  it('to listen on loopback only while all supernodes are there', () => {
    const local = listenFor('supernodes: ["127.0.0.1:1", "[::1]:1", "localhost:1"]', interfaces('IPv4', 'IPv6'))
    assert.deepEqual(local.direct, [{ host: '127.0.0.1', port: 65_002 }, { host: '::1', port: 65_002 }])
    assert.deepEqual(listenFor('', interfaces('IPv4')).libp2p, [{ host: '127.0.0.1', port: 65_003 }])
    const remote = listenFor('supernodes: ["127.0.0.1:1", "supernode.test:1"]', interfaces('IPv4', 'IPv6'))
    assert.deepEqual(remote.direct, [{ host: '::', port: 65_002 }])
    assert.deepEqual(listenFor('supernodes: ["10.0.0.1:1"]', interfaces('IPv4')).direct, [{ host: '0.0.0.0', port: 65_002 }])
  })

  it('to accept only the channels that its security allows', () => {
    const kinds = (security: string): string[] => {
      const { direct, libp2p, plain } = listenFor(`security: ${security}`, interfaces('IPv4'))
      return Object.entries({ direct, libp2p, plain }).filter(([, list]) => list.length > 0).map(([kind]) => kind)
    }
    assert.deepEqual(kinds('plain'), ['direct', 'libp2p', 'plain'])
    assert.deepEqual(kinds('auto'), ['direct', 'libp2p', 'plain'])
    assert.deepEqual(kinds('tls'), ['direct', 'libp2p'])
    assert.deepEqual(kinds('noise'), ['libp2p'])
  })

  it('where its supernodes are', () => {
    const [first, second] = supernodeAddresses(['12D3KooWx@[2001:db8::1]:7', 'host.test:8'])
    assert.deepEqual([first?.host, first?.port, first?.peer], ['2001:db8::1', 7, '12D3KooWx'])
    assert.deepEqual([second?.host, second?.port, second?.peer], ['host.test', 8, undefined])
  })

  it('which origins may be private', () => {
    const policy = (kind: string): ReturnType<typeof originPolicy> => originPolicy(load(`origins: { private: ${kind}, allow: [nas] }`).origins)
    assert.deepEqual(policy('requested'), { allow: ['nas'], trustRequestedHost: true })
    assert.deepEqual(policy('deny'), { allow: ['nas'], trustRequestedHost: false })
    assert.deepEqual(policy('allow'), { allow: ['nas', '0.0.0.0/0', '::/0'], trustRequestedHost: false })
  })
})

describe('usual places', () => {
  it('are the system\'s for root and the user\'s for others', () => {
    const env = { XDG_DATA_HOME: '/home/u/data', XDG_CONFIG_HOME: '/home/u/config' }
    assert.equal(defaultDataDir(env, true), '/var/lib/damselfly/dfdaemon')
    assert.equal(defaultDataDir(env, false), '/home/u/data/damselfly/dfdaemon')
    assert.equal(defaultConfigFile(env, true), '/etc/damselfly/dfdaemon.yaml')
    assert.equal(defaultConfigFile(env, false), '/home/u/config/damselfly/dfdaemon.yaml')
  })

  it('of the socket are tried from the user\'s own to the system\'s', () => {
    assert.equal(defaultSocketPath({ isRoot: true, runtimeDir: '/run/user/0' }, '/data'), '/run/damselfly/dfdaemon.sock')
    assert.equal(defaultSocketPath({ isRoot: false, runtimeDir: undefined }, '/data'), '/data/dfdaemon.sock')
    assert.deepEqual(socketCandidates({ isRoot: false, runtimeDir: '/run/user/1' }, '/data'), [
      '/run/user/1/damselfly/dfdaemon.sock',
      '/run/damselfly/dfdaemon.sock',
    ])
    assert.equal(socketCandidates({ isRoot: true, runtimeDir: undefined }, '/data').length, 1)
  })
})

import assert from 'node:assert/strict'
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDamselflyError, type PeerId } from '@damselfly/shared'
import { silentLogger } from '@damselfly/shared/logging'
import { createIdentity, keptDemandsFile, knownSupernodesFile, parseSupernodeAddress, SecurityInForce, UNTOLD_DEMANDS, type ChannelDemands } from '@damselfly/exchange'
import { NetworkDemands } from '../../src/peer/network-demands.ts'

describe('what the network demands', () => {
  const supernode = createIdentity().peerId
  let directory: string
  beforeEach(async () => (directory = await mkdtemp(join(tmpdir(), 'damselfly-demands-'))))
  afterEach(() => rm(directory, { recursive: true }))
  const file = (): string => join(directory, 'network-demands.json')

  /** A peer that starts while its supernode is away. @returns what is in force there */
  async function restarted(addresses: readonly string[], own: ChannelDemands = { security: 'plain' }): Promise<SecurityInForce> {
    const inForce = new SecurityInForce(own, UNTOLD_DEMANDS)
    await demandsOf(inForce, addresses).recall()
    return inForce
  }

  const demandsOf = (inForce: SecurityInForce, addresses: readonly string[]): NetworkDemands => {
    const known = knownSupernodesFile(join(directory, 'known-supernodes.json'))
    return new NetworkDemands({ directory, inForce, supernodes: addresses.map(parseSupernodeAddress), known, logger: silentLogger() })
  }

  const told = (demands: ChannelDemands, by: PeerId = supernode): Promise<void> => keptDemandsFile(file()).keep({ supernode: by, demands })

  it('holds over a restart without the supernode, for one that is pinned and for one that was seen there', async () => {
    await told({ security: 'noise' })
    assert.equal((await restarted([`${supernode}@host:1`])).policy, 'noise')
    assert.equal((await restarted(['host:1'])).policy, 'tls', 'nobody knows who is there')
    await knownSupernodesFile(join(directory, 'known-supernodes.json')).check('host:1', supernode)
    assert.equal((await restarted(['host:1'])).policy, 'noise')
    assert.equal((await stat(file())).mode & 0o777, 0o600)
  })

  it('holds with the ciphers', async () => {
    await told({ security: 'tls', ciphers: ['aes-256-gcm'] })
    const inForce = await restarted([`${supernode}@host:1`])
    assert.deepEqual(inForce.ciphers(), ['aes-256-gcm'])
    assert.equal(inForce.canUse('libp2p'), false)
  })

  it('is no other supernode\'s to say', async () => {
    await told({ security: 'plain' }, createIdentity().peerId)
    assert.equal((await restarted([`${supernode}@host:1`])).policy, 'tls')
  })

  it('is encryption while nothing was told, or the file is damaged', async () => {
    assert.equal((await restarted([`${supernode}@host:1`])).policy, 'tls')
    for (const text of ['', '{', '[]', '{"supernode":1}', `{"supernode":"${supernode}","security":"none","ciphers":[]}`, `{"supernode":"${supernode}","security":"plain","ciphers":["rot13"]}`]) {
      await writeFile(file(), text)
      assert.equal((await restarted([`${supernode}@host:1`])).policy, 'tls', text)
    }
  })

  it('is kept when it is told, unless it cannot be met here', async () => {
    const addresses = [`${supernode}@host:1`]
    const inForce = new SecurityInForce({ security: 'plain', ciphers: ['aes-128-gcm'] }, UNTOLD_DEMANDS)
    const demands = demandsOf(inForce, addresses)
    assert.throws(() => demands.told({ security: 'noise' }, supernode), (error) => isDamselflyError(error, 'SECURITY_MISMATCH'))
    demands.told({ security: 'auto' }, supernode)
    const kept = keptDemandsFile(file())
    while ((await kept.read()) === undefined) await new Promise((resolve) => setImmediate(resolve))
    assert.equal((await restarted(addresses)).policy, 'auto')
  })
})

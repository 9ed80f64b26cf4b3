import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { privateKeyFromProtobuf, privateKeyToProtobuf } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { isDamselflyError, type PeerId } from '@damselfly/shared'
import fc from 'fast-check'
import { createIdentityCertificate, peerIdOfCertificate } from '../../src/identity/certificate.ts'
import { loadIdentity } from '../../src/identity/identity-file.ts'
import { isPeerId, peerIdFromPublicKey, publicKeyOfPeer, verifySignature } from '../../src/identity/peer-id.ts'
import { createIdentity, identityFromProtobuf } from '../../src/identity/private-key.ts'

describe('an identity', () => {
  it('is the key and the PeerId that libp2p makes of it', () => {
    for (let round = 0; round < 20; round++) {
      const identity = createIdentity()
      const key = privateKeyFromProtobuf(identity.privateKeyProtobuf)
      assert.equal(peerIdFromPrivateKey(key).toString(), identity.peerId)
      assert.deepEqual(Buffer.from(privateKeyToProtobuf(key)), Buffer.from(identity.privateKeyProtobuf))
    }
  })

  it('signs for one purpose only', () => {
    const [identity, other] = [createIdentity(), createIdentity()]
    const bytes = Buffer.from('content')
    const signature = identity.sign('damselfly/ticket/1', bytes)
    assert.ok(verifySignature(identity.peerId, 'damselfly/ticket/1', bytes, signature))
    assert.ok(!verifySignature(identity.peerId, 'damselfly/manifest/1', bytes, signature))
    assert.ok(!verifySignature(other.peerId, 'damselfly/ticket/1', bytes, signature))
    assert.ok(!verifySignature(identity.peerId, 'damselfly/ticket/1', Buffer.from('Content'), signature))
    assert.ok(!verifySignature(identity.peerId, 'damselfly/ticket/1', bytes, signature.subarray(1)))
    assert.ok(!verifySignature('nobody' as PeerId, 'damselfly/ticket/1', bytes, signature))
  })

  it('shows a certificate whose key is the identity', async () => {
    const identity = createIdentity()
    const { certificate } = await createIdentityCertificate(identity)
    const parsed = new X509Certificate(certificate)
    assert.equal(peerIdOfCertificate(parsed), identity.peerId)
    assert.ok(parsed.verify(parsed.publicKey))
  })

  it('is not read out of anything else', () => {
    const valid = createIdentity().privateKeyProtobuf
    assert.ok(identityFromProtobuf(valid))
    assert.equal(identityFromProtobuf(valid.subarray(1)), undefined)
    fc.assert(fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => identityFromProtobuf(bytes) === undefined))
  })
})

describe('a PeerId', () => {
  it('is text for a public key and back', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (key) => {
        const peerId = peerIdFromPublicKey(key)
        assert.ok(isPeerId(peerId))
        assert.deepEqual(Buffer.from(publicKeyOfPeer(peerId)), Buffer.from(key))
      }),
    )
  })

  it('is not any other text', () => {
    const secp256k1 = '16Uiu2HAkvE1dKqPGkyZBQiHRLyPKbJLLPXHkbQGNZbAfC7SgQnbe'
    for (const text of ['', 'QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N', secp256k1, 'z'.repeat(1_000_000), '0OIl', '12D3KooW']) {
      assert.equal(isPeerId(text), false, text.slice(0, 60))
      assert.throws(() => publicKeyOfPeer(text), (error) => isDamselflyError(error, 'PROTOCOL'))
    }
    fc.assert(fc.property(fc.string({ maxLength: 80 }), (text) => !isPeerId(text)))
  })
})

describe('an identity file', () => {
  let directory: string
  let path: string
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'damselfly-identity-'))
    path = join(directory, 'keys', 'identity')
  })
  afterEach(() => rm(directory, { recursive: true }))

  it('is created on first use, for its owner only, and read afterwards', async () => {
    const created = await loadIdentity(path)
    assert.equal((await loadIdentity(path)).peerId, created.peerId)
    assert.equal((await stat(path)).mode & 0o777, 0o600)
    assert.deepEqual(await readFile(path), Buffer.from(created.privateKeyProtobuf))
  })

  it('is the same for everybody who starts at the same time', async () => {
    const all = await Promise.all(Array.from({ length: 8 }, () => loadIdentity(path)))
    assert.equal(new Set(all.map(({ peerId }) => peerId)).size, 1)
    assert.deepEqual(await readdir(join(directory, 'keys')), ['identity'])
  })

  it('is closed to others again when they could read it', async () => {
    await loadIdentity(path)
    await chmod(path, 0o644)
    await loadIdentity(path)
    assert.equal((await stat(path)).mode & 0o777, 0o600)
  })

  it('is never replaced when it holds something else', async () => {
    await loadIdentity(path)
    await writeFile(path, 'not a key')
    await assert.rejects(loadIdentity(path), (error) => isDamselflyError(error, 'DISK_FAILED') && error.message.includes(path))
    assert.equal(await readFile(path, 'utf8'), 'not a key')
  })

  it('says which path it cannot use', async () => {
    await writeFile(join(directory, 'keys'), 'a file where a folder should be')
    await assert.rejects(loadIdentity(path), (error) => isDamselflyError(error, 'DISK_FAILED') && error.message.includes(path))
  })
})

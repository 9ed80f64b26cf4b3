import assert from 'node:assert/strict'
import type { RequestListener } from 'node:http'
import { Secret } from '@damselfly/shared/config'
import { BLOB, blob, MirroredRegistry, type MirroredRegistryInit } from './mirrored-registry.ts'

describe('logins at the mirror', () => {
  let mirrored: MirroredRegistry
  const start = async (init: MirroredRegistryInit): Promise<void> => void (mirrored = await MirroredRegistry.start(init))
  afterEach(() => mirrored.stop())

  describe('for podman and its kin, which ask once how to log in', () => {
    const login = `Basic ${Buffer.from('me:secret').toString('base64')}`
    const wants: RequestListener = (question, reply) =>
      question.headers.authorization === login ? reply.end(blob) : reply.writeHead(401, { 'www-authenticate': 'Basic realm="test"' }).end('{"errors":[]}')

    it('takes names and passwords, while docker hears of its registry', async () => {
      await start({ answer: (_question, reply) => reply.writeHead(401, { 'www-authenticate': 'Bearer realm="https://auth.test/"' }).end() })
      const answers = [await mirrored.ask('/v2/', { 'user-agent': 'containers/5.23' }), await mirrored.ask('/v2/', { 'user-agent': 'docker/20.10' })]
      assert.deepEqual(answers.map(({ status, headers }) => [status, headers['www-authenticate']]), [
        [401, 'Basic realm="damselfly"'],
        [401, 'Bearer realm="https://auth.test/"'],
      ])
      assert.equal((await mirrored.ask('/v2/', { authorization: login })).status, 200)
    })

    it('logs in with them as the registry wants, and takes no name for nobody', async () => {
      await start({ answer: wants, contents: { [BLOB]: { bytes: blob } } })
      assert.ok((await mirrored.ask(BLOB, { authorization: login })).bytes.equals(blob))
      assert.equal((await mirrored.ask(BLOB, { authorization: 'Basic Og==' })).status, 401)
      assert.deepEqual(mirrored.peer.requests.map(({ headers }) => headers), [[['authorization', login]]])
    })

    it('fetches a token for who needs no login, and shows the challenge to who does', async () => {
      let isPublic = true
      await start({
        answer: (question, reply) => {
          const { host = '', authorization } = question.headers
          if (question.url?.startsWith('/token') === true) reply.end('{"token":"anyone"}')
          else if (isPublic && authorization === 'Bearer anyone') reply.end(blob)
          else reply.writeHead(401, { 'www-authenticate': `Bearer realm="http://${host}/token",service="s"` }).end()
        },
        contents: { [BLOB]: { bytes: blob } },
      })
      assert.ok((await mirrored.ask(BLOB, { authorization: 'Basic Og==' })).bytes.equals(blob))
      assert.equal((await mirrored.ask('/v2/app/tags/list')).status, 200)
      assert.deepEqual(mirrored.asked.map((line) => line.slice(0, 11)), [`HEAD ${BLOB}`, 'GET /token?', `HEAD ${BLOB}`, 'GET /v2/app'].map((line) => line.slice(0, 11)))
      isPublic = false
      const { status, headers } = await mirrored.ask('/v2/app/tags/list')
      assert.deepEqual([status, headers['www-authenticate']?.startsWith('Bearer realm=')], [401, true])
    })
  })

  describe('with a login of its own', () => {
    const own = { username: 'daemon', password: new Secret('secret') }
    const basic = `Basic ${Buffer.from('daemon:secret').toString('base64')}`
    const asksForPassword: RequestListener = (question, reply) =>
      question.headers.authorization === basic
        ? reply.end(blob)
        : reply.writeHead(401, { 'www-authenticate': 'Basic realm="test"' }).end('{"errors":[]}')

    it('uses it for callers that bring none, and tells the peer', async () => {
      await start({ answer: asksForPassword, contents: { [BLOB]: { bytes: blob } }, login: own })
      for (let time = 0; time < 2; time++) assert.ok((await mirrored.ask(BLOB)).bytes.equals(blob))
      assert.equal(mirrored.asked.length, 2)
      assert.deepEqual(mirrored.peer.requests[0]?.headers, [['authorization', basic]])
      assert.equal((await mirrored.ask('/v2/', { 'user-agent': 'docker/20.10' })).status, 200)
    })

    it('does not use it for callers that bring another, nor to change anything', async () => {
      await start({ answer: asksForPassword, contents: { [BLOB]: { bytes: blob } }, login: own })
      assert.equal((await mirrored.ask(BLOB)).status, 200)
      assert.equal((await mirrored.ask(BLOB, { authorization: 'Basic eDp5' })).status, 401)
      assert.equal((await mirrored.ask('/v2/app/blobs/uploads/', { 'content-length': '0' }, 'POST')).status, 401)
    })
  })
})

import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { collect, isDamselflyError, systemClock } from '@damselfly/shared'
import { createHttpSource, loadSource, type OriginRequest, type SourceClient } from '../../src/index.ts'
import { createFaultOrigin, gather, generatedContent, type FaultOrigin } from '../../src/testing/index.ts'

const EXAMPLES = join(import.meta.dirname, '../../../docs/examples/sources')

const requestFor = (url: string): OriginRequest => ({ url, headers: new Map(), signal: new AbortController().signal })

describe('a module with a source client', () => {
  let directory: string
  let http: SourceClient

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'damselfly-sources-'))
    http = createHttpSource({ policy: { allow: ['127.0.0.1'] } })
  })
  afterEach(async () => {
    await http.close()
    await rm(directory, { recursive: true })
  })

  const load = async (source: string): Promise<SourceClient> => {
    await writeFile(join(directory, 'source.ts'), source)
    return await loadSource('./source.ts', directory, { http, clock: systemClock })
  }

  const problem = async (loading: Promise<unknown>): Promise<string> => {
    const error = await loading.then(() => assert.fail('it was not refused'), (reason: unknown) => reason)
    assert.ok(isDamselflyError(error, 'CONFIG_INVALID'), String(error))
    return error.message
  }

  const returning = (members: string): string => `export const createSource = (context) => (${members})`
  const WORKING = "schemes: ['x:'], probe: async () => ({}), read: async () => ({}), close: async () => undefined"

  it('is refused with what it lacks', async () => {
    assert.match(await problem(loadSource('./none.ts', directory, { http, clock: systemClock })), /^source \.\/none\.ts: there is no file /)
    assert.match(await problem(loadSource('no-such-package', directory, { http, clock: systemClock })), /^source no-such-package: cannot be loaded: /)
    assert.equal(await problem(load('export const create = 1')), "source ./source.ts: there is no export 'createSource'; it exports create")
    await writeFile(join(directory, 'other.ts'), returning("{ schemes: 'x:', probe: 1 }"))
    const lines = await problem(loadSource('./other.ts', directory, { http, clock: systemClock }))
    assert.deepEqual(lines.split('\n'), [
      'source ./other.ts: what createSource returns.probe is a number, expected a function',
      'source ./other.ts: what createSource returns.read is missing, expected a function',
      'source ./other.ts: what createSource returns.close is missing, expected a function',
    ])
  })

  for (const [what, schemes] of Object.entries({ 'no list': "'x:'", none: '[]', 'without its colon': "['x']", 'in capitals': "['X:']" })) {
    it(`is refused with schemes that are ${what}`, async () => {
      const message = await problem(load(returning(`{ ${WORKING}, schemes: ${schemes} }`)))
      assert.match(message, /schemes .*expected a list of schemes/)
    })
  }

  it('is looked for among the packages of a directory too', async () => {
    const home = join(directory, 'node_modules', 'my-source')
    await mkdir(home, { recursive: true })
    await writeFile(join(home, 'package.json'), '{"name":"my-source","type":"module","exports":"./main.js"}')
    await writeFile(join(home, 'main.js'), returning(`{ ${WORKING} }`))
    assert.deepEqual((await loadSource('my-source', directory, { http, clock: systemClock })).schemes, ['x:'])
  })

  it('may throw what it likes, and answer what it may not: others see errors that they know', async () => {
    const client = await load(returning(`{ ${WORKING}, probe: async () => { throw new TypeError('oops') }, list: async function* () { throw 1 } }`))
    await assert.rejects(client.probe(requestFor('x:///a')), { code: 'ORIGIN_UNREACHABLE', message: 'x:///a: oops' })
    await assert.rejects(client.read(requestFor('x:///a')), { code: 'ORIGIN_STATUS', message: /answered with/ })
    await assert.rejects(gather(client.list?.(requestFor('x:///a'))), { code: 'ORIGIN_UNREACHABLE' })
  })

  it('makes errors and bodies with what it is given, and hears a sink that fails', async () => {
    const client = await load(`
export const createSource = ({ error, flowOf }) => ({
  schemes: ['x:'],
  probe: async () => { throw error('ORIGIN_NOT_FOUND', 'gone') },
  read: async () => ({
    contentLength: 3, acceptsRanges: false, validators: { etag: '', lastModified: '' }, start: 0, bodyLength: 3,
    body: flowOf((async function* () { yield Buffer.from('abc') })()),
  }),
  close: async () => undefined,
})`)
    await assert.rejects(client.probe(requestFor('x:///a')), { code: 'ORIGIN_NOT_FOUND', message: 'gone' })
    assert.equal(String(await collect((await client.read(requestFor('x:///a'))).body)), 'abc')
    const full = new Error('no room')
    for (const fail of [() => Promise.reject(full), () => { throw full }]) {
      const { body } = await client.read(requestFor('x:///a'))
      await assert.rejects(body.pipe(fail), full)
    }
  })

  describe('as in the example', () => {
    let origin: FaultOrigin
    const before = process.env['MIRRORS']
    beforeEach(async () => void (origin = await createFaultOrigin()))
    afterEach(async () => {
      if (before === undefined) delete process.env['MIRRORS']
      else process.env['MIRRORS'] = before
      await origin.close()
    })

    it('serves from the first mirror that can', async () => {
      origin.add('/down/f', { status: 503 })
      origin.add('/up/f', { size: 1000 })
      process.env['MIRRORS'] = `http://127.0.0.1:1 ${origin.url('/down')} ${origin.url('/up')}/`
      const client = await loadSource('./mirrors.ts', EXAMPLES, { http, clock: systemClock })
      assert.equal((await client.probe(requestFor('mirrors:///f'))).contentLength, 1000)
      const { body } = await client.read(requestFor('mirrors:///f'))
      assert.deepEqual(await collect(body), generatedContent(1000))
      assert.deepEqual([origin.stats('/down/f').gets, origin.stats('/up/f').gets], [1, 1])
    })

    it('tells why the last of them could not', async () => {
      process.env['MIRRORS'] = origin.url('/none')
      const client = await loadSource('./mirrors.ts', EXAMPLES, { http, clock: systemClock })
      await assert.rejects(client.read(requestFor('mirrors:///f')), { code: 'ORIGIN_NOT_FOUND' })
      process.env['MIRRORS'] = ''
      const empty = await loadSource('./mirrors.ts', EXAMPLES, { http, clock: systemClock })
      await assert.rejects(empty.read(requestFor('mirrors:///f')), { code: 'ORIGIN_UNREACHABLE', message: /set MIRRORS/ })
    })
  })
})

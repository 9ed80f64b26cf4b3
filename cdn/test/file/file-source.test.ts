import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { appendFileSync, mkdirSync, renameSync, symlinkSync, truncateSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describeSourceClient } from '@damselfly/cdn/testing/source-client'
import { collect } from '@damselfly/shared'
import { fileError } from '../../src/file/file-errors.ts'
import { createFileSource } from '../../src/file/file-source.ts'
import type { OriginRequest, SourceClient } from '../../src/index.ts'
import { gather, generatedContent } from '../../src/testing/index.ts'
import { FileOrigin } from './file-origin.ts'

describeSourceClient(
  'the file source client',
  () => {
    const origin = new FileOrigin()
    const client = createFileSource({ roots: [origin.folder] })
    const dispose = (): Promise<void> => Promise.resolve(origin.remove())
    return Promise.resolve({ client, origin, dispose })
  },
  { credentials: false, cuts: false },
)

const SIZE = 1_000_000

describe('the file source client', () => {
  let origin: FileOrigin
  let root: string
  let client: SourceClient
  beforeEach(() => {
    origin = new FileOrigin()
    root = join(origin.folder, 'root')
    mkdirSync(root)
    client = createFileSource({ roots: [root] })
  })
  afterEach(() => origin.remove())

  const urlOf = (...path: string[]): string => pathToFileURL(join(origin.folder, ...path)).href
  const requestFor = (url: string): OriginRequest => ({ url, headers: new Map(), signal: new AbortController().signal })
  const refused = (url: string, code: string): Promise<void> => assert.rejects(client.read(requestFor(url)), { code })

  describe('outside of its folders', () => {
    beforeEach(() => {
      writeFileSync(join(origin.folder, 'secret'), 'secret')
      mkdirSync(join(origin.folder, 'root-too'))
      writeFileSync(join(origin.folder, 'root-too', 'secret'), 'secret')
    })

    it('reads no file, and does not tell whether there is one', async () => {
      await refused(urlOf('secret'), 'ORIGIN_FORBIDDEN')
      await refused(urlOf('nothing'), 'ORIGIN_FORBIDDEN')
      await refused(urlOf('root-too', 'secret'), 'ORIGIN_FORBIDDEN')
    })

    it('is not led there by dots, written in any way', async () => {
      const base = pathToFileURL(root).href
      for (const way of ['../secret', '%2e%2e/secret', '.%2E/secret', 'x/../../secret']) await refused(`${base}/${way}`, 'ORIGIN_FORBIDDEN')
      await refused(`${base}/..%2fsecret`, 'URL_REFUSED')
    })

    it('follows no symbolic link that leads there, by file or by folder', async () => {
      symlinkSync(join(origin.folder, 'secret'), join(root, 'link'))
      symlinkSync(origin.folder, join(root, 'up'))
      await refused(urlOf('root', 'link'), 'ORIGIN_FORBIDDEN')
      await refused(urlOf('root', 'up', 'secret'), 'ORIGIN_FORBIDDEN')
      await assert.rejects(client.probe(requestFor(urlOf('root', 'link'))), { code: 'ORIGIN_FORBIDDEN' })
    })
  })

  it('follows a symbolic link that stays inside, and a folder that is one itself', async () => {
    writeFileSync(join(root, 'file'), 'content')
    symlinkSync('file', join(root, 'link'))
    symlinkSync(root, join(origin.folder, 'alias'))
    client = createFileSource({ roots: [root, join(origin.folder, 'alias')] })
    for (const path of [['root', 'link'], ['alias', 'file']]) {
      const { body } = await client.read(requestFor(urlOf(...path)))
      assert.equal(String(await collect(body)), 'content')
    }
  })

  it('reads nothing but regular files, and does not wait for a pipe', async () => {
    execFileSync('mkfifo', [join(root, 'pipe')])
    await refused(urlOf('root', 'pipe'), 'ORIGIN_FORBIDDEN')
    await refused(urlOf('root'), 'ORIGIN_FORBIDDEN')
    client = createFileSource({ roots: ['/dev'] })
    await refused('file:///dev/zero', 'ORIGIN_FORBIDDEN')
  })

  it('refuses what is no path on this machine', async () => {
    await refused('file://other.example/root/file', 'URL_REFUSED')
    await refused(`${urlOf('root', 'file')}?x`, 'URL_REFUSED')
    await refused(`${urlOf('root')}/a%00b`, 'URL_REFUSED')
  })

  it('tells a file that it may not read, without the path behind links', () => {
    const denied = Object.assign(new Error("EACCES: permission denied, open '/real/path'"), { code: 'EACCES' })
    const error = fileError(denied, 'file:///link')
    assert.equal(error.code, 'ORIGIN_UNAUTHORIZED')
    assert.equal(error.message, 'file:///link: EACCES: permission denied')
  })

  const changes: readonly [string, (file: string) => void][] = [
    ['grows', (file) => appendFileSync(file, 'more')],
    ['shrinks', (file) => truncateSync(file, 10)],
    ['is written in place', (file) => utimesSync(file, 1, 1)],
  ]
  for (const [what, change] of changes) {
    it(`tells a file that ${what} while it is read`, async () => {
      const file = join(root, 'file')
      writeFileSync(file, generatedContent(SIZE))
      const { body } = await client.read(requestFor(urlOf('root', 'file')))
      let isFirst = true
      const reading = body.pipe(() => {
        if (isFirst) change(file)
        isFirst = false
        return undefined
      })
      await assert.rejects(reading, { code: 'ORIGIN_CHANGED' })
      assert.equal(origin.stats('root/file').open, 0)
    })
  }

  it('goes on with the file that it has begun to read when another takes its name, and tells the next reader', async () => {
    const file = join(root, 'file')
    const content = generatedContent(SIZE)
    writeFileSync(file, content)
    const { body, validators: ifMatch } = await client.read(requestFor(urlOf('root', 'file')))
    const given: Buffer[] = []
    await body.pipe((bytes) => {
      if (given.length === 0) {
        writeFileSync(`${file}.new`, generatedContent(SIZE, 2))
        renameSync(`${file}.new`, file)
      }
      given.push(Buffer.copyBytesFrom(bytes))
      return undefined
    })
    assert.deepEqual(Buffer.concat(given), content)
    await assert.rejects(client.read({ ...requestFor(urlOf('root', 'file')), range: { start: 1 }, ifMatch }), { code: 'ORIGIN_CHANGED' })
  })

  it('tells when another takes its name before it is read, and holds nothing open until then', async () => {
    const file = join(root, 'file')
    writeFileSync(file, generatedContent(SIZE))
    const { body } = await client.read(requestFor(urlOf('root', 'file')))
    assert.equal(origin.stats('root/file').open, 0)
    writeFileSync(`${file}.new`, generatedContent(SIZE, 2))
    renameSync(`${file}.new`, file)
    await assert.rejects(collect(body), { code: 'ORIGIN_CHANGED' })
  })

  describe('listing', () => {
    const list = (url: string): Promise<{ url: string; size: number | undefined }[]> => {
      const { headers, signal } = requestFor(url)
      return gather(client.list?.({ url, headers, signal }))
    }

    it('names the files below a folder in order, without links and special files', async () => {
      mkdirSync(join(root, 'b', 'c'), { recursive: true })
      for (const [index, path] of ['z', 'a b', 'b/c/d', 'b/a'].entries()) writeFileSync(join(root, path), 'x'.repeat(index))
      symlinkSync('/etc', join(root, 'link'))
      execFileSync('mkfifo', [join(root, 'pipe')])
      const found = await list(urlOf('root'))
      const expected = [['a b', 1], ['b/a', 3], ['b/c/d', 2], ['z', 0]] as const
      assert.deepEqual(found, expected.map(([path, size]) => ({ url: urlOf('root', path), size, digest: undefined })))
      const first = await client.read(requestFor(found[0]?.url ?? ''))
      assert.equal(String(await collect(first.body)), 'x')
    })

    it('tells what is no folder, not there, or outside', async () => {
      writeFileSync(join(root, 'file'), '')
      await assert.rejects(list(urlOf('root', 'file')), { code: 'URL_REFUSED' })
      await assert.rejects(list(urlOf('root', 'none')), { code: 'ORIGIN_NOT_FOUND' })
      await assert.rejects(list(urlOf()), { code: 'ORIGIN_FORBIDDEN' })
    })
  })
})

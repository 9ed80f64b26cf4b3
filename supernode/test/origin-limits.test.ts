import assert from 'node:assert/strict'
import { collect, systemClock } from '@damselfly/shared'
import { loadConfig } from '@damselfly/shared/config'
import type { SourceClient } from '@damselfly/cdn'
import { createFaultOrigin, type FaultOrigin } from '@damselfly/cdn/testing'
import { completeConfig, supernodeConfigSchema } from '../src/config/config.ts'
import { cdnLimits } from '../src/config/cdn-config.ts'
import { createOriginSources } from '../src/origin-sources.ts'

describe('configured limits of origins', () => {
  let origin: FaultOrigin
  let source: SourceClient | undefined

  beforeEach(async () => {
    origin = await createFaultOrigin()
    origin.add('/0', { body: Buffer.from('ok') })
    for (let i = 1; i <= 4; i++) origin.add(`/${i}`, { redirectTo: `/${i - 1}` })
  })

  afterEach(async () => {
    await source?.close()
    await origin.close()
  })

  /** @returns the body, or the code of what went wrong */
  async function outcome(origins: string, path: string): Promise<string> {
    const config = configOf(origins)
    await source?.close()
    source = await createOriginSources({ config, directory: '/', userAgent: 'test', clock: systemClock })
    const request = { url: origin.url(path), headers: new Map(), signal: new AbortController().signal }
    return await source.read(request).then(
      async ({ body }) => (await collect(body)).toString(),
      (error: { code: string }) => error.code,
    )
  }

  it('are how many redirects are followed', async () => {
    assert.equal(await outcome('{}', '/4'), 'ok')
    assert.equal(await outcome('{ maxRedirects: 3 }', '/3'), 'ok')
    assert.equal(await outcome('{ maxRedirects: 3 }', '/4'), 'ORIGIN_REDIRECTS')
    assert.equal(await outcome('{ maxRedirects: 0 }', '/0'), 'ok')
    assert.equal(await outcome('{ maxRedirects: 0 }', '/1'), 'ORIGIN_REDIRECTS')
  })

  it('are how long the headers of an answer may be', async () => {
    origin.add('/long', { body: Buffer.from('ok'), headers: { 'x-long': 'a'.repeat(10_000) } })
    assert.equal(await outcome('{}', '/long'), 'ok')
    assert.equal(await outcome('{ maxHeaders: 8KiB }', '/long'), 'ORIGIN_STATUS')
    origin.add('/longer', { body: Buffer.from('ok'), headers: { 'x-long': 'a'.repeat(40_000) } })
    assert.equal(await outcome('{}', '/longer'), 'ORIGIN_STATUS')
    assert.equal(await outcome('{ maxHeaders: 64KiB }', '/longer'), 'ok')
  })

  it('are how long a content may be', () => {
    const { cdn } = configOf('{ maxContentLength: 5MiB }')
    assert.equal(cdnLimits(cdn.freshness, cdn.origins).maxContentLength, 5 * 1024 * 1024)
  })

  it('have limits of their own', () => {
    for (const origins of ['{ maxRedirects: -1 }', '{ maxRedirects: 101 }', '{ maxHeaders: 100 }', '{ maxHeaders: 1GiB }']) {
      assert.throws(() => configOf(origins), { code: 'CONFIG_INVALID' }, origins)
    }
  })
})

function configOf(origins: string): ReturnType<typeof completeConfig> {
  const file = { path: 'supernode.yaml', text: `cdn: { origins: ${origins} }` }
  return completeConfig(loadConfig({ schema: supernodeConfigSchema, program: 'supernode', file, env: {}, flags: {} }), '/data')
}

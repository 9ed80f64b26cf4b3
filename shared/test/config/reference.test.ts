import assert from 'node:assert/strict'
import { configReference } from '@damselfly/shared/config'
import * as z from 'zod'
import { schema } from './fixture.ts'

describe('configReference', () => {
  const lines = configReference(schema, 'supernode').trimEnd().split('\n')
  const cells = (setting: string): string[] => {
    const line = lines.find((candidate) => candidate.startsWith(`| \`${setting}\` |`))
    assert.ok(line !== undefined, `${setting} is missing`)
    return line.slice(2, -2).split(' | ')
  }

  it('has one line for each setting, in the order of the schema, below two of head', () => {
    assert.equal(lines[0], '| Setting | Environment | Flag | Type | Default | Meaning |')
    const settings = lines.slice(2).map((line) => /`([^`]+)`/.exec(line)?.[1])
    assert.deepEqual(settings, [
      'dataDir',
      'listen.port',
      'listen.addresses',
      'cache.quota',
      'cache.rate',
      'cache.idle',
      'cache.enabled',
      'cache.ratio',
      'cache.kinds',
      'token',
      'level',
      'origins',
      'origins.<name>.insecure',
      'rules',
      'rules[].host',
      'rules[].limit',
      'upstream.url',
      'upstream.timeout',
    ])
  })

  it('names variable, flag, type, default and meaning', () => {
    assert.deepEqual(cells('listen.port'), [
      '`listen.port`',
      '`DAMSELFLY_SUPERNODE_LISTEN_PORT`',
      '`--port`',
      'integer',
      '`65000`',
      'TCP port',
    ])
  })

  it('writes defaults with their units, whether the schema has them as numbers or as text', () => {
    assert.equal(cells('cache.quota')[4], '`10GiB`')
    assert.equal(cells('cache.idle')[4], '`5m`')
  })

  it('gives no variable to what the environment cannot hold', () => {
    assert.equal(cells('rules')[1], '')
    assert.equal(cells('rules[].host')[1], '')
    assert.equal(cells('origins.<name>.insecure')[1], '')
  })

  it('tells choices, required settings and those without a default', () => {
    assert.equal(cells('level')[3], '`info`, `debug`')
    assert.equal(cells('upstream.url')[4], 'required')
    assert.equal(cells('token')[4], '-')
    assert.equal(cells('rules')[4], 'none')
  })

  it('lets nothing end a cell early', () => {
    assert.match(lines.join('\n'), /Where \\\| things are kept/)
  })

  it('leaves out the flags where there are none, and takes the words for a default that depends on the machine', () => {
    const dataDir = z
      .string()
      .default(() => process.cwd())
      .meta({ defaultText: 'the current folder' })
    const text = configReference(z.strictObject({ dataDir }), 'dfget')
    assert.equal(text.split('\n')[0], '| Setting | Environment | Type | Default | Meaning |')
    assert.ok(text.includes('| the current folder |') && !text.includes(process.cwd()))
  })
})

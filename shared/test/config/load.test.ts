import assert from 'node:assert/strict'
import { isDamselflyError } from '@damselfly/shared'
import { loadConfig } from '@damselfly/shared/config'
import fc from 'fast-check'
import * as z from 'zod'
import { load, type Sources } from './fixture.ts'

const VARIABLE = 'DAMSELFLY_SUPERNODE_'

function problems(sources: Sources): string[] {
  try {
    load(sources)
  } catch (error) {
    assert.ok(isDamselflyError(error, 'CONFIG_INVALID'), String(error))
    return error.message.split('\n')
  }
  return []
}

describe('loadConfig', () => {
  it('gives the defaults when nobody says anything', () => {
    const config = load()
    assert.equal(config.listen.port, 65_000)
    assert.deepEqual(config.cache, {
      quota: 10 * 1024 ** 3,
      rate: 0,
      idle: 300_000,
      enabled: true,
      ratio: 0.5,
      kinds: [],
    })
    assert.equal(config.token, undefined)
    assert.deepEqual(load({ yaml: '' }), config)
    assert.deepEqual(load({ yaml: '# nothing but a comment\n' }), config)
  })

  it('takes flags before environment before file before defaults', () => {
    const port = fc.option(fc.integer({ min: 0, max: 65_535 }), { nil: undefined })
    fc.assert(
      fc.property(port, port, port, (inFile, inEnv, inFlags) => {
        const config = load({
          yaml: inFile === undefined ? '' : `listen: { port: ${inFile} }`,
          env: { [`${VARIABLE}LISTEN_PORT`]: inEnv?.toString() },
          flags: { listen: { port: inFlags } },
        })
        assert.equal(config.listen.port, inFlags ?? inEnv ?? inFile ?? 65_000)
      }),
    )
  })

  it('merges sections, and replaces lists', () => {
    const config = load({
      yaml: 'listen:\n  port: 1\n  addresses: [a, b]\ncache: { enabled: false }',
      env: { [`${VARIABLE}CACHE_QUOTA`]: '1 GB' },
      flags: { listen: { addresses: ['c'] } },
    })
    assert.deepEqual(config.listen, { port: 1, addresses: ['c'] })
    assert.deepEqual([config.cache.enabled, config.cache.quota], [false, 1_000_000_000])
  })

  it('reads each type from a variable', () => {
    const env = {
      DATA_DIR: '/0',
      LISTEN_PORT: '0',
      LISTEN_ADDRESSES: ' ::1, 127.0.0.1 ,',
      CACHE_QUOTA: '64MiB',
      CACHE_RATE: '100Mbit/s',
      CACHE_IDLE: '1h30m',
      CACHE_ENABLED: 'no',
      CACHE_RATIO: '1e-3',
      CACHE_KINDS: '1,2',
      TOKEN: '123',
      LEVEL: 'debug',
      UPSTREAM_URL: 'https://example.org',
    }
    const named = Object.fromEntries(Object.entries(env).map(([name, text]) => [`${VARIABLE}${name}`, text]))
    const { token, ...config } = load({ env: named })
    assert.equal(token?.reveal(), '123')
    assert.deepEqual(config, {
      dataDir: '/0',
      listen: { port: 0, addresses: ['::1', '127.0.0.1'] },
      cache: { quota: 64 * 1024 ** 2, rate: 12_500_000, idle: 5_400_000, enabled: false, ratio: 0.001, kinds: [1, 2] },
      level: 'debug',
      origins: {},
      rules: [],
      upstream: { url: 'https://example.org', timeout: 30_000 },
    })
  })

  it('reads flags that are text as the type that is wanted', () => {
    const config = load({
      flags: { listen: { port: '81' }, cache: { enabled: 'true', quota: '1M' }, upstream: undefined },
    })
    assert.deepEqual([config.listen.port, config.cache.enabled, config.cache.quota], [81, true, 1024 ** 2])
  })

  it('takes an empty variable for an absent one, and leaves those of other programs alone', () => {
    const env = {
      [`${VARIABLE}LISTEN_PORT`]: '',
      DAMSELFLY_DFGET_X: '1',
      [`${VARIABLE}CONFIG`]: '/etc/x.yaml',
      PATH: '/bin',
    }
    assert.deepEqual(load({ env }), load())
  })

  it('reads records and lists of sections from the file', () => {
    const config = load({
      yaml: 'origins:\n  a.example: { insecure: true }\n  b.example: {}\nrules:\n  - host: c\n    limit: 1MiB/s\n',
    })
    assert.deepEqual(config.origins, { 'a.example': { insecure: true }, 'b.example': { insecure: false } })
    assert.deepEqual(config.rules, [{ host: 'c', limit: 1024 ** 2 }])
  })

  it('keeps a schema from giving two settings the same variable', () => {
    const twice = z.object({ a: z.object({ b: z.string().default('') }), aB: z.string().default('') })
    assert.throws(() => loadConfig({ schema: twice, program: 'dfget', env: {}, flags: {} }), /DAMSELFLY_DFGET_A_B/)
  })
})

describe('loadConfig refuses', () => {
  const cases: readonly {
    readonly what: string
    readonly sources: Sources
    readonly expected: readonly (string | RegExp)[]
  }[] = [
    {
      what: 'an unknown key at the top, in a section, in a record and in a list, with the nearest name',
      sources: {
        yaml: 'listn: {}\nlisten:\n  prot: 1\norigins:\n  a.example:\n    insecre: true\nrules:\n  - host: a\n    limt: 1\n',
      },
      expected: [
        "listn (conf.yaml:1): unknown setting; did you mean 'listen'?",
        "listen.prot (conf.yaml:3): unknown setting; did you mean 'port'?",
        "origins.a.example.insecre (conf.yaml:6): unknown setting; did you mean 'insecure'?",
        "rules[0].limt (conf.yaml:9): unknown setting; did you mean 'limit'?",
      ],
    },
    {
      what: 'an unknown key that is like nothing, naming those there are',
      sources: { yaml: 'listen: { somethingElse: 1 }' },
      expected: ['listen.somethingElse (conf.yaml:1): unknown setting; known are port, addresses'],
    },
    {
      what: 'an unknown key even where the schema would let it pass',
      sources: { yaml: 'cache: { qouta: 1 }' },
      expected: ["cache.qouta (conf.yaml:1): unknown setting; did you mean 'quota'?"],
    },
    {
      what: 'a key that would change the prototype',
      sources: { yaml: '__proto__: { polluted: true }\norigins: { __proto__: { insecure: true } }' },
      expected: [/^__proto__ \(conf.yaml:1\): unknown setting/, /^origins.__proto__ \(conf.yaml:2\): unknown setting/],
    },
    {
      what: 'an unknown variable, of this program or of none',
      sources: { env: { [`${VARIABLE}LISTEN_PROT`]: '1', DAMSELFLY_SUPERNOD_LEVEL: 'x' } },
      expected: [
        `${VARIABLE}LISTEN_PROT: unknown environment variable; did you mean '${VARIABLE}LISTEN_PORT'?`,
        `DAMSELFLY_SUPERNOD_LEVEL: unknown environment variable; did you mean '${VARIABLE}LEVEL'?`,
      ],
    },
    {
      what: 'values of the wrong type, naming where each came from',
      sources: {
        yaml: '\ncache:\n  enabled: maybe\n  ratio: a\n',
        env: { [`${VARIABLE}LEVEL`]: 'loud' },
        flags: { listen: { port: 'x' }, dataDir: '' },
      },
      expected: [
        /^dataDir \(--data-dir\): too small/,
        'listen.port (--port): expected number, received string',
        'cache.enabled (conf.yaml:3): expected boolean, received string',
        'cache.ratio (conf.yaml:4): expected number, received string',
        `level (${VARIABLE}LEVEL): expected one of "info"|"debug"`,
      ],
    },
    {
      what: 'sizes, rates and durations that are none',
      sources: { yaml: 'cache:\n  quota: lots\n  rate: [1]\n  idle: 30' },
      expected: [
        "cache.quota (conf.yaml:2): 'lots' is not a size such as 10MiB",
        'cache.rate (conf.yaml:3): expected a rate such as 10MiB/s or 100Mbit/s',
        "cache.idle (conf.yaml:4): '30' is not a duration such as 250ms, 30s or 5m",
      ],
    },
    {
      what: 'a section without what it needs, where the section stands',
      sources: { yaml: 'level: info\nupstream:\n  timeout: 1s\nrules:\n  - {}\n' },
      expected: [
        'rules[0].host (conf.yaml:5): required: expected string',
        'upstream.url (conf.yaml:2): required: expected string',
      ],
    },
    {
      what: 'a section that is no section',
      sources: { yaml: 'listen: 80' },
      expected: ['listen (conf.yaml:1): expected object, received number'],
    },
    {
      what: 'a file that is no list of settings',
      sources: { yaml: '- a' },
      expected: ['conf.yaml: expected settings, one per line'],
    },
    {
      what: 'the same key twice',
      sources: { yaml: 'level: info\nlevel: debug' },
      expected: ['conf.yaml:2: Map keys must be unique'],
    },
    { what: 'a file that is not YAML', sources: { yaml: 'level: [info' }, expected: [/^conf.yaml:1: /] },
    {
      what: 'a file that grows without bounds when its aliases are followed',
      sources: { yaml: bomb() },
      expected: [/^conf.yaml: Excessive alias count/],
    },
  ]
  for (const { what, sources, expected } of cases) {
    it(what, () => {
      const found = problems(sources)
      assert.equal(found.length, expected.length, found.join('\n'))
      for (const [index, line] of found.entries()) {
        const wanted = expected[index]
        if (wanted instanceof RegExp) assert.match(line, wanted)
        else assert.equal(line, wanted)
      }
    })
  }

  it('a secret without showing it', () => {
    assert.deepEqual(problems({ yaml: 'token: { value: hush }' }).join('').includes('hush'), false)
    assert.equal(
      problems({ flags: { token: ['hush'] } })
        .join('')
        .includes('hush'),
      false,
    )
  })

  it('anything else that a file may hold, with CONFIG_INVALID only', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.jsonValue().map((value) => JSON.stringify(value)),
        ),
        (yaml) => {
          problems({ yaml })
        },
      ),
      { numRuns: 500 },
    )
    assert.equal(({} as { polluted?: boolean }).polluted, undefined)
  })
})

function bomb(): string {
  const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x]']
  for (let level = 1; level < 9; level++) {
    lines.push(`a${level}: &a${level} [${Array.from({ length: 9 }, () => `*a${level - 1}`).join(', ')}]`)
  }
  return lines.join('\n')
}

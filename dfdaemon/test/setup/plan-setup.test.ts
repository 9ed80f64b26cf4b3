import assert from 'node:assert/strict'
import { isDamselflyError } from '@damselfly/shared'
import fc from 'fast-check'
import { planSetup, planUndo, type SetupRecord } from '../../src/setup/plan-setup.ts'
import { TOOLS, toolNamed } from '../../src/setup/tools.ts'
import type { Tool } from '../../src/setup/tool.ts'
import { unifiedDiff } from '../../src/setup/unified-diff.ts'
import { MemoryFiles } from './memory-files.ts'

const DAEMON_JSON = '/etc/docker/daemon.json'
const wishOf = (port: number) => ({ mirror: `http://127.0.0.1:${port}`, registries: ['docker.io', 'quay.io'] })

describe('a set-up', () => {
  function setUp(tool: Tool, files: MemoryFiles, port = 65_001, record?: SetupRecord): SetupRecord {
    const plan = planSetup({ tool, files, wish: wishOf(port), record })
    files.apply(plan.changes)
    return plan.record
  }

  it('leaves nothing to do for the second time, and nothing of itself when it is taken back', () => {
    for (const tool of TOOLS) {
      const files = new MemoryFiles()
      const record = setUp(tool, files)
      assert.notEqual(files.texts.size, 0)
      assert.deepEqual(planSetup({ tool, files, wish: wishOf(65_001), record }).changes, [])
      assert.deepEqual(planSetup({ tool, files, wish: wishOf(65_001), record: undefined }).changes, [])
      files.apply(planUndo(record, files))
      assert.equal(files.texts.size, 0)
    }
  })

  it('gives back the very text of any file, also after another address of the mirror', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue(), { noNullPrototype: true }), fc.constantFrom(0, 2, '\t'), fc.constantFrom('', '\n', '\r\n \n'), (settings, indent, end) => {
        delete settings['registry-mirrors']
        const text = JSON.stringify(settings, null, indent) + end
        const files = new MemoryFiles({ [DAEMON_JSON]: text })
        const first = setUp(toolNamed('docker'), files)
        const second = setUp(toolNamed('docker'), files, 65_009, first)
        assert.deepEqual(JSON.parse(files.read(DAEMON_JSON) ?? ''), { ...(JSON.parse(text) as object), 'registry-mirrors': ['http://127.0.0.1:65009'] })
        files.apply(planUndo(second, files))
        assert.equal(files.read(DAEMON_JSON), text)
      }),
      { numRuns: 40 },
    )
  })

  it('keeps what somebody changed elsewhere in the file meanwhile', () => {
    const lines = Array.from({ length: 12 }, (_, i) => `  "setting-${i}": ${i}`)
    const files = new MemoryFiles({ [DAEMON_JSON]: `{\n${lines.join(',\n')}\n}\n` })
    const record = setUp(toolNamed('docker'), files)
    const edited = (files.read(DAEMON_JSON) ?? '').replace('"setting-0": 0', '"setting-0": 99')
    files.apply([{ path: DAEMON_JSON, before: undefined, after: edited }])
    files.apply(planUndo(record, files))
    assert.equal(files.read(DAEMON_JSON), `{\n${lines.join(',\n')}\n}\n`.replace('"setting-0": 0', '"setting-0": 99'))
  })

  it('is not taken back where somebody changed what is ours', () => {
    const files = new MemoryFiles({ [DAEMON_JSON]: '{}' })
    const record = setUp(toolNamed('docker'), files)
    files.apply([{ path: DAEMON_JSON, before: undefined, after: '{"registry-mirrors":["http://127.0.0.1:65001","https://new.example"]}' }])
    assert.throws(() => planUndo(record, files), (error) => isDamselflyError(error, 'TOOL_CONFIG_CHANGED'))
  })

  it('leaves a file alone that somebody took away or put back', () => {
    for (const text of [undefined, '{"debug":true}']) {
      const files = new MemoryFiles({ [DAEMON_JSON]: '{"debug":true}' })
      const record = setUp(toolNamed('docker'), files)
      files.apply([{ path: DAEMON_JSON, before: undefined, after: text }])
      assert.deepEqual(planUndo(record, files), [])
    }
  })

  it('shows what it would do as a unified diff', () => {
    const files = new MemoryFiles({ [DAEMON_JSON]: '{\n  "debug": true\n}\n' })
    const { changes } = planSetup({ tool: toolNamed('docker'), files, wish: wishOf(65_001), record: undefined })
    assert.match(changes.map(unifiedDiff).join(''), /^--- \/etc\/docker\/daemon\.json\n\+\+\+ \/etc\/docker\/daemon\.json\n@@ .*\n \{\n-  "debug": true\n\+  "debug": true,\n/)
  })

  it('names each registry to podman, with its port, and refuses those that have an entry', () => {
    const files = new MemoryFiles()
    setUp(toolNamed('podman'), files)
    const text = files.read('/etc/containers/registries.conf.d/damselfly.conf') ?? ''
    assert.match(text, /location = "quay\.io"\n\n\[\[registry\.mirror\]\]\nlocation = "127\.0\.0\.1:65001\/quay\.io"\ninsecure = true\n/)
    const other = new MemoryFiles({ '/etc/containers/registries.conf': '# x\n[[registry]]\nlocation = "quay.io"\n' })
    assert.throws(() => setUp(toolNamed('podman'), other), (error) => isDamselflyError(error, 'TOOL_CONFIG_INVALID') && /registries\.conf:2: quay\.io/.test(error.message))
    const planFor = (registry: string) => toolNamed('podman').plan(files, { mirror: 'http://127.0.0.1:65001', registries: [registry] })
    assert.match(planFor('registry.example:5000').changes[0]?.after ?? '', /location = "127\.0\.0\.1:65001\/registry\.example__5000"/)
    for (const name of ['Upper.example', 'a/b', 'x"', '']) assert.throws(() => planFor(name), (error) => isDamselflyError(error, 'USAGE'), name)
  })
})

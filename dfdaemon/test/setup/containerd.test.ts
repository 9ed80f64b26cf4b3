import assert from 'node:assert/strict'
import { isDamselflyError } from '@damselfly/shared'
import { containerd } from '../../src/setup/containerd.ts'
import { MemoryFiles } from './memory-files.ts'

const MIRROR = 'http://127.0.0.1:65001'
const CONFIG = '/etc/containerd/config.toml'
const HOSTS = '/etc/containerd/certs.d/_default/hosts.toml'
const WISH = { mirror: MIRROR, registries: [] }

describe('the configuration of containerd', () => {
  const after = (files: MemoryFiles): Record<string, string | undefined> =>
    Object.fromEntries(containerd.plan(files, WISH).changes.map((change) => [change.path, change.after]))

  it('is made where there is none', () => {
    const made = after(new MemoryFiles())
    assert.equal(made[CONFIG], 'version = 2\n\n[plugins."io.containerd.grpc.v1.cri".registry]\n  config_path = "/etc/containerd/certs.d"\n')
    assert.equal(made[HOSTS], '[host."http://127.0.0.1:65001"]\n  capabilities = ["pull", "resolve"]\n')
  })

  it('keeps comments and order, in both versions of the file', () => {
    for (const [version, plugin] of [[2, 'io.containerd.grpc.v1.cri'], [3, 'io.containerd.cri.v1.images']] as const) {
      const text = (path: string): string =>
        `version = ${version} # ours\n[plugins]\n  [plugins."${plugin}"]\n    # kept\n    [plugins."${plugin}".registry]\n      config_path = ${path} # here\n      [plugins."${plugin}".registry.mirrors]\n[debug]\nlevel = "info"\n`
      assert.equal(after(new MemoryFiles({ [CONFIG]: text("''") }))[CONFIG], text('"/etc/containerd/certs.d"'))
    }
  })

  it('adds the key to a table without it, and the table to a file without it', () => {
    const table = 'version = 3\n[plugins."io.containerd.cri.v1.images".registry]\n# nothing yet\n[debug]\n'
    assert.match(after(new MemoryFiles({ [CONFIG]: table }))[CONFIG] ?? '', /registry\]\n {2}config_path = "\/etc\/containerd\/certs\.d"\n# nothing yet\n/)
    assert.match(after(new MemoryFiles({ [CONFIG]: 'version = 3' }))[CONFIG] ?? '', /^version = 3\n\n\[plugins\."io\.containerd\.cri\.v1\.images"\.registry\]\n/)
  })

  it('uses the folder that is configured already, before the hosts that are there', () => {
    const config = 'version = 2\n[plugins."io.containerd.grpc.v1.cri".registry]\nconfig_path = "/opt/certs:/etc/docker/certs.d"\n'
    const files = new MemoryFiles({
      [CONFIG]: config,
      '/opt/certs/_default/hosts.toml': '# mine\nserver = "https://up.example"\n\n[host."https://other.example"]\n',
      '/opt/certs/quay.io/hosts.toml': '',
    })
    const plan = containerd.plan(files, WISH)
    assert.deepEqual(plan.changes.map((change) => change.after), [
      config,
      '# mine\nserver = "https://up.example"\n\n[host."http://127.0.0.1:65001"]\n  capabilities = ["pull", "resolve"]\n\n[host."https://other.example"]\n',
    ])
    assert.equal(plan.needsRestart, false)
    assert.match(plan.notes.join(), /quay\.io has a hosts\.toml of its own/)
  })

  it('leaves a file alone in which the CRI plugin is switched off', () => {
    const config = 'disabled_plugins = ["cri"]\n'
    const plan = containerd.plan(new MemoryFiles({ [CONFIG]: config }), WISH)
    assert.equal(plan.changes[0]?.after, config)
    assert.match(plan.notes.join(), /switched off/)
  })

  it('is refused where containerd would not start, or where the file says it in another way', () => {
    const refused: [string, RegExp][] = [
      ['version = 2\n[plugins', /config\.toml:2: is not TOML/],
      ['oom_score = 1\n', /version 1/],
      ['version = 2\n[plugins."io.containerd.grpc.v1.cri".registry.mirrors."docker.io"]\nendpoint = []\n', /config\.toml:2: registry\.mirrors/],
      ['version = 2\n[plugins."io.containerd.grpc.v1.cri"]\nregistry = { config_path = "" }\n', /by hand/],
    ]
    for (const [text, message] of refused) {
      const files = new MemoryFiles({ [CONFIG]: text })
      assert.throws(() => containerd.plan(files, WISH), (error) => isDamselflyError(error, 'TOOL_CONFIG_INVALID') && message.test(error.message), text)
    }
  })
})

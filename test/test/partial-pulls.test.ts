import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { generatedContent } from '@damselfly/cdn/testing'
import { createImageOfFiles, RegistryProxy, RegistryServer, whyNoRegistryServer, writeImageLayout } from '@damselfly/cdn/testing/registry'
import { CONTAINER_PROGRAMS, createPodman, describe as described, Lab, missingPrograms, type ContainerTool, type Daemon } from '@damselfly/test'

const MIB = 1024 * 1024
const files = { shared: generatedContent(3 * MIB, 1), added: generatedContent(MIB, 2), small: generatedContent(50_000, 3), other: generatedContent(60_000, 4) }

describe('partial pulls of podman through a daemon', function () {
  this.timeout(120_000)
  let lab: Lab
  let registry: RegistryServer
  let daemon: Daemon
  /** Before the mirror. */
  let recorder: RegistryProxy
  let podman: ContainerTool
  const names = { first: '', second: '' }

  before(async function () {
    if ((await whyNoRegistryServer()) !== undefined || (await missingPrograms(['podman', 'skopeo'])).length > 0) this.skip()
    if (process.getuid?.() !== 0) this.skip()
    lab = await Lab.create()
    registry = await RegistryServer.start()
    const supernode = await lab.supernode()
    daemon = await lab.daemon('daemon', { supernodes: [supernode.address] })
    recorder = await RegistryProxy.start(new URL(daemon.mirror).host)
    const created = await createPodman(lab, `http://${recorder.authority}`, [registry.authority], 'partial layers')
    // It keeps layers over each other only where the kernel lets it.
    if (created === undefined) return this.skip()
    podman = created
    names.first = await push('first', ['small', 'shared'])
    names.second = await push('second', ['other', 'shared', 'added'])
  })
  after(async () => {
    await podman?.close?.()
    await recorder?.stop()
    await lab?.stop()
    await registry?.stop()
  })

  /** With layers whose parts can be asked for, as skopeo makes them. */
  async function push(name: string, contents: readonly (keyof typeof files)[]): Promise<string> {
    await writeImageLayout(lab.path(name), createImageOfFiles([new Map(contents.map((file) => [file, files[file]]))]))
    const image = `${registry.authority}/library/${name}:1`
    const args = ['--insecure-policy', 'copy', '--dest-tls-verify=false', '--dest-compress-format', 'zstd:chunked', `oci:${lab.path(name)}:latest`, `docker://${image}`]
    const exit = await lab.program('skopeo', CONTAINER_PROGRAMS.skopeo, args).exited
    assert.equal(exit.code, 0, described(exit))
    return image
  }

  it('bring what it has not, several parts in one answer, and the same files', async () => {
    await podman.pull(names.first)
    const before = recorder.blobAnswers.length
    await podman.pull(names.second)
    const answers = recorder.blobAnswers.slice(before)
    assert.ok(answers.some(({ range = '' }) => /^bytes=[\d-]+,/.test(range)), JSON.stringify(answers))
    for (const { range, status, type = '' } of answers.filter((answer) => answer.range !== undefined)) {
      assert.deepEqual([status, type.startsWith('multipart/byteranges; boundary=')], [206, range?.includes(',')])
    }
    // Not the file that the first image brought, let alone all of the layer.
    const bytes = answers.reduce((sum, answer) => sum + answer.bytes, 0)
    assert.ok(bytes > MIB && bytes < 2 * MIB, `${bytes} bytes`)
    const mounted = await podman.mount?.(names.second) ?? assert.fail('nothing is mounted')
    for (const file of ['other', 'shared', 'added'] as const) assert.ok((await readFile(join(mounted, file))).equals(files[file]), file)
  })
})

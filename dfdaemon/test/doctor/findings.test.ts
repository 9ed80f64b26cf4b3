import assert from 'node:assert/strict'
import { spaceFinding } from '../../src/doctor/check-disk.ts'
import { supernodeFinding } from '../../src/doctor/check-daemon.ts'
import { checkTools } from '../../src/doctor/check-tools.ts'
import { findingText } from '../../src/doctor/finding.ts'
import { fullName } from '../../src/doctor/image-pull.ts'
import { planSetup } from '../../src/setup/plan-setup.ts'
import { toolNamed } from '../../src/setup/tools.ts'
import { MemoryFiles } from '../setup/memory-files.ts'

const GIB = 1024 ** 3
const MIRROR = 'http://127.0.0.1:65001'

describe('what the doctor finds', () => {
  it('tells a full disk and a small quota from room', () => {
    const state = (free: number, quota = 0, used = 0): string => spaceFinding('/data', { free: free * GIB, total: 100 * GIB }, { quota: quota * GIB, minFreePercent: 10 }, used * GIB).state
    assert.equal(state(50), 'ok')
    assert.equal(state(10), 'fail')
    assert.equal(state(10, 0, 20), 'ok')
    assert.equal(state(50, 0.5), 'warn')
  })

  it('says what to do about a supernode that is not there', () => {
    assert.equal(supernodeFinding({ type: 'connected', address: 'a:1', peer: 'p' }).state, 'ok')
    assert.equal(supernodeFinding({ type: 'none' }).state, 'warn')
    assert.match(findingText(supernodeFinding({ type: 'disconnected', address: 'a:1' })), /^fail {2}supernode: a:1 is not connected\n {6}see whether it runs/)
  })

  it('tells tools that are set up from those that are not', () => {
    const tool = toolNamed('podman')
    const files = new MemoryFiles()
    assert.match(checkTools([{ tool, record: undefined }], files, MIRROR).map(findingText).join(''), /^warn {2}podman: .*\n.*dfdaemon setup podman/)
    const { changes, record } = planSetup({ tool, files, wish: { mirror: MIRROR, registries: ['quay.io'] }, record: undefined })
    files.apply(changes)
    assert.equal(checkTools([{ tool, record }], files, MIRROR)[0]?.state, 'ok')
    assert.equal(checkTools([{ tool, record }], files, 'http://127.0.0.1:1')[0]?.state, 'warn')
    assert.equal(checkTools([{ tool: toolNamed('docker'), record: undefined }], new MemoryFiles({ '/etc/docker/daemon.json': '{' }), MIRROR)[0]?.state, 'fail')
  })

  it('completes names of images as docker does', () => {
    assert.equal(fullName('alpine'), 'docker.io/library/alpine:latest')
    assert.equal(fullName('me/app:1'), 'docker.io/me/app:1')
    assert.equal(fullName('127.0.0.1:5000/x'), '127.0.0.1:5000/x:latest')
    assert.equal(fullName(`quay.io/x@sha256:${'a'.repeat(64)}`), `quay.io/x@sha256:${'a'.repeat(64)}`)
  })
})

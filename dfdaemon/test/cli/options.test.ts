import assert from 'node:assert/strict'
import { isDamselflyError } from '@damselfly/shared'
import { parseArguments } from '../../src/cli/options.ts'

describe('the command line of dfdaemon', () => {
  it('names settings in the shape of the configuration', () => {
    const args = '--config f --supernode a:1 --supernode b:2 --join-token-file t --data-dir d --socket s --listen ::1 --log-level warn'
    assert.deepEqual(parseArguments(args.split(' '), '1'), {
      type: 'run',
      configFile: 'f',
      flags: { supernodes: ['a:1', 'b:2'], joinTokenFile: 't', dataDir: 'd', api: { socket: 's' }, listen: { addresses: ['::1'] }, log: { level: 'warn' } },
    })
    assert.equal(parseArguments(['--print-config'], '1').type, 'print-config')
    const exporting = parseArguments(['ca', 'export', '--config', 'f'], '1')
    assert.ok(exporting.type === 'export-ca' && exporting.configFile === 'f')
  })

  it('leaves all ports to the machine with one word', () => {
    const invocation = parseArguments(['--any-port'], '1')
    assert.ok(invocation.type === 'run')
    const { listen, mirror, proxy } = invocation.flags
    assert.deepEqual({ listen, mirror, proxy }, {
      listen: { addresses: undefined, directPort: 0, libp2pPort: 0, plainPort: 0 },
      mirror: { port: 0 },
      proxy: { port: 0 },
    })
  })

  it('shows help with the exit codes, and the version', () => {
    const help = parseArguments(['--help'], '1')
    assert.ok(help.type === 'print' && /STORE_LOCKED/.test(help.text))
    assert.deepEqual(parseArguments(['--version'], '1.2.3'), { type: 'print', text: '1.2.3\n' })
  })

  it('is refused with USAGE when it makes no sense', () => {
    for (const args of [['--nonsense'], ['extra'], ['--listen']]) {
      assert.throws(() => parseArguments(args, '1'), (error) => isDamselflyError(error, 'USAGE'), args.join(' '))
    }
  })
})

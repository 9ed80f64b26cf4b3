import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { systemClock } from '@damselfly/shared'
import { silentLogger } from '@damselfly/shared/logging'
import { createRegistry } from '@damselfly/shared/metrics'
import { daemonConfigSchema } from '../../dfdaemon/src/config/config.ts'
import { Daemon } from '../../dfdaemon/src/daemon.ts'
import { completeConfig, supernodeConfigSchema } from '../../supernode/src/config/config.ts'
import { createSupernode } from '../../supernode/src/supernode.ts'

export type Server = 'supernode' | 'dfdaemon'

/** Starts one of the servers on any free ports, asks it for `path`, and stops it again. */
export async function askRunning(server: Server, path: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'damselfly-reference-'))
  try {
    return await (server === 'supernode' ? askSupernode(directory, path) : askDaemon(directory, path))
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

async function askSupernode(directory: string, path: string): Promise<string> {
  const addresses = ['127.0.0.1']
  const settings = { listen: { addresses, directPort: 0, libp2pPort: 0, plainPort: 0 }, management: { addresses, port: 0 } }
  const config = completeConfig(supernodeConfigSchema.parse(settings), directory)
  const supernode = createSupernode(config, { version: '', logger: silentLogger() })
  try {
    const { management, adminTokenFile } = await supernode.start()
    const token = (await readFile(adminTokenFile, 'utf8')).trim()
    const answer = await fetch(new URL(path, management[0]), { headers: { authorization: `Bearer ${token}` } })
    return await answer.text()
  } finally {
    await supernode.stop(0)
  }
}

async function askDaemon(directory: string, path: string): Promise<string> {
  const socket = join(directory, 'dfdaemon.sock')
  const daemon = new Daemon({
    config: daemonConfigSchema.parse({ dataDir: directory, api: { socket }, mirror: { port: 0 }, proxy: { enabled: true, port: 0 } }),
    socketEnvironment: { isRoot: false, runtimeDir: undefined },
    version: '',
    registry: createRegistry(),
    clock: systemClock,
    logger: silentLogger(),
  })
  try {
    await daemon.start()
    return await getFromSocket(socket, path)
  } finally {
    await daemon.stop()
  }
}

function getFromSocket(socketPath: string, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    request({ socketPath, path, agent: false }, (answer) => resolve(text(answer)))
      .once('error', reject)
      .end()
  })
}

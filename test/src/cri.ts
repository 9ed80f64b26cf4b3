import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Client, credentials, type MethodDefinition, type ServiceDefinition } from '@grpc/grpc-js'
import { loadSync, type PackageDefinition } from '@grpc/proto-loader'
import { until } from './until.ts'

/** Milliseconds. */
const CALL_LIMIT = 60_000
/** A network of its own would need plug-ins that are not here. */
const NETWORK_OF_HOST = 2
const EXITED = 2

/** A container runtime as a kubelet uses it. */
export class Cri {
  readonly #client: Client
  readonly #methods: PackageDefinition = loadSync(fileURLToPath(new URL('cri.proto', import.meta.url)), { defaults: true })
  readonly #logs: string
  #pods = 0

  /** @param socket path of the runtime's unix socket @param logs where containers' outputs are written */
  constructor(socket: string, logs: string) {
    this.#client = new Client(`unix://${socket}`, credentials.createInsecure())
    this.#logs = logs
  }

  async isReady(): Promise<boolean> {
    return await this.#call('RuntimeService', 'Version', {}).then(() => true, () => false)
  }

  /** @param user `NAME:PASSWORD` @throws with what the runtime said */
  async pull(image: string, user?: string): Promise<void> {
    const [username, password] = user?.split(':') ?? []
    await this.#call('ImageService', 'PullImage', { image: { image }, ...(user !== undefined && { auth: { username, password } }) })
  }

  /** What the image prints when it runs, in a pod of its own. */
  async run(image: string): Promise<string> {
    const name = `pod-${this.#pods++}`
    const sandbox = {
      metadata: { name, uid: name, namespace: 'tests' },
      logDirectory: this.#logs,
      linux: { securityContext: { namespaceOptions: { network: NETWORK_OF_HOST } } },
    }
    const { podSandboxId } = await this.#call<{ readonly podSandboxId: string }>('RuntimeService', 'RunPodSandbox', { config: sandbox })
    try {
      const config = { metadata: { name: 'only' }, image: { image }, logPath: `${name}.log` }
      const created = await this.#call<{ readonly containerId: string }>('RuntimeService', 'CreateContainer', { podSandboxId, config, sandboxConfig: sandbox })
      await this.#call('RuntimeService', 'StartContainer', created)
      await until(async () => (await this.#call<ContainerStatus>('RuntimeService', 'ContainerStatus', created)).status.state === EXITED)
      return outputIn(await readFile(join(this.#logs, `${name}.log`), 'utf8'))
    } finally {
      await this.#call('RuntimeService', 'RemovePodSandbox', { podSandboxId })
    }
  }

  close(): void {
    this.#client.close()
  }

  #call<T>(service: string, name: string, question: object): Promise<T> {
    const method = (this.#methods[`runtime.v1.${service}`] as ServiceDefinition)[name] as MethodDefinition<object, T>
    const { path, requestSerialize, responseDeserialize } = method
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest(path, requestSerialize, responseDeserialize, question, { deadline: Date.now() + CALL_LIMIT }, (error, answer) => {
        if (error !== null || answer === undefined) reject(error ?? new Error(`${name} answered nothing`))
        else resolve(answer)
      })
    })
  }
}

interface ContainerStatus {
  readonly status: { readonly state: number; readonly exitCode: number }
}

/** Each line of a log has a time, a stream and a tag before it. */
function outputIn(log: string): string {
  return log.trimEnd().split('\n').map((line) => line.split(' ').slice(3).join(' ')).join('\n')
}

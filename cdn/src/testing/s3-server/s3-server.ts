import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3'
import { spawn, type ChildProcess } from 'node:child_process'
import { access, mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { endServer } from '../end-server.ts'

/** Of Debian, since Swift is installed for that one alone. */
const PYTHON = '/usr/bin/python3'
const PARTS = ['proxy', 'account', 'container', 'object'].map((part) => `/usr/bin/swift-${part}-server`)
const SCRIPT = fileURLToPath(new URL('swift-server.py', import.meta.url))

const ACCESS_KEY = 'damselfly:tester'
const SECRET_KEY = 'swift-secret'
/** Of the log, kept so that a failing start can be explained; characters. */
const KEPT_LOG = 16 * 1024

/** The program that is missing for {@link S3Server}, if one is; a test skips itself then. */
export async function whyNoS3Server(): Promise<string | undefined> {
  for (const program of [PYTHON, ...PARTS]) {
    if (!(await access(program).then(() => true, () => false))) return `${program} is not installed`
  }
  return undefined
}

/**
 * A real S3 server for tests: OpenStack Swift with its S3 API, at a free port of loopback, with a folder of its own. It checks
 * signatures, wants buckets in the path, gives listings in pages of four, and refuses conditional writes with status 501.
 */
export class S3Server {
  /** A URL without a path. */
  readonly endpoint: string
  readonly region = 'us-east-1'
  readonly accessKeyId = ACCESS_KEY
  readonly secretAccessKey = SECRET_KEY
  /** For what a test sets up; may do anything. */
  readonly client: S3Client
  readonly #process: ChildProcess
  readonly #folder: string

  private constructor(port: number, process: ChildProcess, folder: string) {
    this.endpoint = `http://127.0.0.1:${port}`
    this.#process = process
    this.#folder = folder
    this.client = new S3Client({
      endpoint: this.endpoint,
      region: this.region,
      forcePathStyle: true,
      credentials: { accessKeyId: ACCESS_KEY, secretAccessKey: SECRET_KEY },
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
    })
  }

  /** @throws when it does not start, with what it logged */
  static async start(): Promise<S3Server> {
    const folder = await mkdtemp(join(tmpdir(), 'damselfly-s3-'))
    const process = spawn(PYTHON, [SCRIPT, folder, SECRET_KEY], { stdio: ['ignore', 'pipe', 'pipe'] })
    try {
      return new S3Server(await readyPort(process), process, folder)
    } catch (error) {
      await endServer(process, folder)
      throw error
    }
  }

  async createBucket(name: string): Promise<void> {
    await this.client.send(new CreateBucketCommand({ Bucket: name }))
  }

  /** Ends it and removes what it stored. */
  async stop(): Promise<void> {
    this.client.destroy()
    await endServer(this.#process, this.#folder)
  }
}

async function readyPort(process: ChildProcess): Promise<number> {
  const { stdout, stderr } = process
  if (stdout === null || stderr === null) throw new Error('The process has no output')
  let log = ''
  stderr.setEncoding('utf8').on('data', (text: string) => {
    log = (log + text).slice(-KEPT_LOG)
  })
  for await (const line of createInterface({ input: stdout })) {
    return (JSON.parse(line) as { ready: { port: number } }).ready.port
  }
  throw new Error(`The S3 server does not start: ${log}`)
}

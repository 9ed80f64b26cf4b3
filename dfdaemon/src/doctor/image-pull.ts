import { MANIFEST_TYPES, parseOciUrl, type OciReference } from '@damselfly/cdn'
import { formatDigest, messageOf, parseDigest, sha256 } from '@damselfly/shared'
import { BACK_TO_SOURCE_HEADER } from '../api/protocol.ts'
import { reasonOf } from './check-mirror.ts'
import { adviceOf, fail, ok, warn, type Finding } from './finding.ts'
import { registryRefusal } from './registry-answer.ts'

/** For the whole of it; milliseconds. */
const TIME_LIMIT = 60_000

interface Answer {
  readonly bytes: Buffer
  /** Why the daemon went to the registry itself, if it did. */
  readonly backToSource: string | undefined
}

/** Pulls what is small of an image through the mirror: its manifests and its configuration. */
export async function checkImage(mirror: string, image: string): Promise<Finding> {
  const started = performance.now()
  try {
    const { digest, backToSource } = await new ImagePull(mirror, parseOciUrl(`oci://${fullName(image)}`)).run()
    const text = `${image} is ${digest}; manifest and configuration came through the mirror in ${Math.round(performance.now() - started)} ms`
    if (backToSource === undefined) return ok('pull', text)
    return warn('pull', `${text}, but from the registry itself (${backToSource})`, 'docs/reference/errors.md and docs/architecture.md tell of the reasons to go back to the source')
  } catch (error) {
    if (error instanceof NoLogin) return warn('pull', `${image}: ${error.message}`, LOGIN_HINT)
    return fail('pull', `${image}: ${reasonOf(error)}`, error instanceof Refused ? error.hint : 'see whether it is there: try the same with the tool itself')
  }
}

/** As docker completes names. */
export function fullName(image: string): string {
  const [first = '', ...rest] = image.split('/')
  const hasRegistry = rest.length > 0 && (/[.:]/.test(first) || first === 'localhost')
  const name = hasRegistry ? image : `docker.io/${rest.length > 0 ? '' : 'library/'}${image}`
  return /(:[^/]*|@.*)$/.test(name.slice(name.lastIndexOf('/'))) ? name : `${name}:latest`
}

const LOGIN_HINT =
  'tools that log in by themselves may still pull it; a login under origins.registries, or origins.dockerConfig, lets everybody on this host, and this command'

/** The registry wants to know who asks, and nobody says. */
class NoLogin extends Error {}

/** The registry, or the mirror, does not give it. */
class Refused extends Error {
  readonly hint: string

  constructor(message: string, code: string | undefined) {
    super(message)
    this.hint = code === undefined ? 'see whether it is there, under this very name: try the same with the tool itself' : adviceOf(code)
  }
}

class ImagePull {
  readonly #mirror: string
  readonly #image: OciReference
  readonly #signal: AbortSignal = AbortSignal.timeout(TIME_LIMIT)

  constructor(mirror: string, image: OciReference) {
    this.#mirror = mirror
    this.#image = image
  }

  async run(): Promise<{ readonly digest: string; readonly backToSource: string | undefined }> {
    const { tag, digest } = this.#image
    const first = await this.#get(`manifests/${digest ?? tag ?? 'latest'}`, digest)
    const answers = [first]
    let manifest = readJson(first.bytes)
    // An index names a manifest for each platform; any will do.
    const [platform] = Array.isArray(manifest['manifests']) ? (manifest['manifests'] as readonly unknown[]) : []
    if (platform !== undefined) {
      const wanted = digestOf(platform)
      answers.push(await this.#get(`manifests/${wanted}`, wanted))
      manifest = readJson(answers[1]?.bytes ?? Buffer.alloc(0))
    }
    const config = digestOf(manifest['config'])
    answers.push(await this.#get(`blobs/${config}`, config))
    return { digest: formatDigest(sha256(first.bytes)), backToSource: answers.find((answer) => answer.backToSource !== undefined)?.backToSource }
  }

  async #get(path: string, digest: string | undefined): Promise<Answer> {
    const { registry, repository } = this.#image
    const url = `${this.#mirror}/v2/${repository}/${path}?ns=${encodeURIComponent(registry)}`
    const answer = await fetch(url, { headers: { accept: MANIFEST_TYPES }, signal: this.#signal })
    const bytes = Buffer.from(await answer.arrayBuffer())
    const { text, code } = registryRefusal(answer.status, bytes.toString())
    if (answer.status === 401 || answer.status === 403) throw new NoLogin(`${path} is refused without a login (${text})`)
    if (answer.status !== 200) throw new Refused(`${path} is not given (${text})`, code)
    if (digest !== undefined && digest !== formatDigest(sha256(bytes))) throw new Error(`${path} has another digest`)
    return { bytes, backToSource: answer.headers.get(BACK_TO_SOURCE_HEADER) ?? undefined }
  }
}

function readJson(bytes: Buffer): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(bytes.toString())
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>
  } catch (error) {
    throw new Error(`the answer is not JSON: ${messageOf(error)}`, { cause: error })
  }
  throw new Error('the answer is not an object of JSON')
}

function digestOf(descriptor: unknown): string {
  const digest = typeof descriptor === 'object' && descriptor !== null && 'digest' in descriptor ? descriptor.digest : undefined
  if (typeof digest === 'string' && parseDigest(digest) !== undefined) return digest
  throw new Error('the manifest names no digest')
}

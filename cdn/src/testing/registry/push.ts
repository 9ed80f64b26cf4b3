import { createHash } from 'node:crypto'

export interface PushedBlob {
  /** `sha256:…` */
  readonly digest: string
  readonly size: number
}

/** An image for several platforms, as it was pushed. */
export interface PushedImage {
  readonly index: PushedBlob
  /** By platform. */
  readonly manifests: ReadonlyMap<string, PushedBlob>
  readonly configs: ReadonlyMap<string, PushedBlob>
  /** The one that all platforms share first. */
  readonly layers: readonly PushedBlob[]
}

const TYPE = 'application/vnd.oci.image'

/** Puts contents into a registry that lets everybody in. */
export class RegistryPush {
  readonly #base: string

  /** @param authority `host:port`, without TLS */
  constructor(authority: string, repository: string) {
    this.#base = `http://${authority}/v2/${repository}`
  }

  async blob(bytes: Uint8Array): Promise<PushedBlob> {
    const pushed = describe(bytes)
    const begun = await answered(fetch(`${this.#base}/blobs/uploads/`, { method: 'POST' }), 202)
    const upload = new URL(begun.headers.get('location') ?? '', this.#base)
    upload.searchParams.set('digest', pushed.digest)
    const headers = { 'content-type': 'application/octet-stream' }
    await answered(fetch(upload, { method: 'PUT', body: Buffer.from(bytes), headers }), 201)
    return pushed
  }

  /** @param layer shared by all platforms, each of which has a small one of its own besides */
  async image(tag: string, platforms: readonly string[], layer: Uint8Array): Promise<PushedImage> {
    const layers = [await this.blob(layer)]
    const manifests = new Map<string, PushedBlob>()
    const configs = new Map<string, PushedBlob>()
    for (const platform of platforms) {
      const [os, architecture, variant] = platform.split('/')
      const config = await this.blob(Buffer.from(JSON.stringify({ os, architecture, variant, rootfs: { type: 'layers', diff_ids: [] } })))
      const own = await this.blob(Buffer.from(`the layer of ${platform}`))
      const blobs = [layers[0] as PushedBlob, own].map((blob) => ({ mediaType: `${TYPE}.layer.v1.tar`, ...blob }))
      const manifest = { schemaVersion: 2, mediaType: `${TYPE}.manifest.v1+json`, config: { mediaType: `${TYPE}.config.v1+json`, ...config }, layers: blobs }
      manifests.set(platform, await this.#manifest(manifest))
      configs.set(platform, config)
      layers.push(own)
    }
    const entries = [...manifests].map(([platform, blob]) => ({ mediaType: `${TYPE}.manifest.v1+json`, ...blob, platform: platformOf(platform) }))
    const index = await this.#manifest({ schemaVersion: 2, mediaType: `${TYPE}.index.v1+json`, manifests: entries }, tag)
    return { index, manifests, configs, layers }
  }

  /** @param tag undefined: it is found by its digest alone */
  async manifest(bytes: Uint8Array, mediaType: string, tag?: string): Promise<PushedBlob> {
    const pushed = describe(bytes)
    const url = `${this.#base}/manifests/${tag ?? pushed.digest}`
    await answered(fetch(url, { method: 'PUT', body: Buffer.from(bytes), headers: { 'content-type': mediaType } }), 201)
    return pushed
  }

  #manifest(manifest: { readonly mediaType: string; readonly [field: string]: unknown }, tag?: string): Promise<PushedBlob> {
    return this.manifest(Buffer.from(JSON.stringify(manifest)), manifest.mediaType, tag)
  }
}

function platformOf(platform: string): Record<string, string | undefined> {
  const [os, architecture, variant] = platform.split('/')
  return { os, architecture, variant }
}

function describe(bytes: Uint8Array): PushedBlob {
  return { digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}`, size: bytes.length }
}

async function answered(asked: Promise<Response>, status: number): Promise<Response> {
  const response = await asked
  const text = await response.text()
  if (response.status !== status) throw new Error(`the registry answered ${response.status}: ${text}`)
  return response
}

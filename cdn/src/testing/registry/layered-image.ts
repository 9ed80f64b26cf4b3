import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { formatDigest, sha256 } from '@damselfly/shared'
import { generatedContent } from '../origin-content.ts'
import type { RegistryPush } from './push.ts'

/** A blob or manifest as a registry stores it. */
export interface Stored {
  readonly digest: string
  readonly mediaType: string
  readonly bytes: Uint8Array
}

export interface TestImage {
  readonly manifest: Stored
  readonly config: Stored
  readonly layers: readonly Stored[]
}

const TYPES = {
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar+gzip',
}
const TAR_BLOCK = 512

/** An OCI image with one layer of about each of these sizes, that no tool refuses; bytes. */
export function createImage(sizes: readonly number[]): TestImage {
  return createImageOfFiles(sizes.map((size, index) => new Map([[`layer-${index}`, content(size, index)]])))
}

/** An OCI image with these files in each layer, by their names. */
export function createImageOfFiles(layers: readonly ReadonlyMap<string, Uint8Array>[]): TestImage {
  return imageOf(layers.map((files) => tarOf([...files].map(([name, bytes]) => tarEntry(name, bytes)))), {})
}

/**
 * An OCI image that runs one program.
 *
 * @param program needs nothing else of the image, such as one that is linked statically; it becomes `/bin/NAME`
 * @param command what runs
 */
export function createRunnableImage(name: string, program: Uint8Array, command: readonly string[]): TestImage {
  return imageOf([tarOf([tarEntry(`bin/${name}`, program, 0o755)])], { Cmd: command })
}

function imageOf(tars: readonly Uint8Array[], settings: Readonly<Record<string, unknown>>): TestImage {
  // As fast as can be: the bytes are random.
  const layers = tars.map((tar) => stored(TYPES.layer, gzipSync(tar, { level: 1 })))
  const config = storedJson(TYPES.config, {
    architecture: 'amd64',
    os: 'linux',
    config: settings,
    rootfs: { type: 'layers', diff_ids: tars.map((tar) => formatDigest(sha256(tar))) },
  })
  const manifest = storedJson(TYPES.manifest, {
    schemaVersion: 2,
    mediaType: TYPES.manifest,
    config: descriptor(config),
    layers: layers.map(descriptor),
  })
  return { manifest, config, layers }
}

/** Writes a folder that tools read as `oci:FOLDER:latest`. */
export async function writeImageLayout(folder: string, { config, layers, manifest }: TestImage): Promise<void> {
  const blobs = join(folder, 'blobs', 'sha256')
  await mkdir(blobs, { recursive: true })
  for (const { digest, bytes } of [config, ...layers, manifest]) await writeFile(join(blobs, digest.replace('sha256:', '')), bytes)
  const entry = { ...descriptor(manifest), annotations: { 'org.opencontainers.image.ref.name': 'latest' } }
  await writeFile(join(folder, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: [entry] }))
  await writeFile(join(folder, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }))
}

export async function pushImage(push: RegistryPush, tag: string, { config, layers, manifest }: TestImage): Promise<void> {
  for (const { bytes } of [config, ...layers]) await push.blob(bytes)
  await push.manifest(manifest.bytes, manifest.mediaType, tag)
}

/** Others for each layer, so that no two are one blob. */
function content(size: number, index: number): Uint8Array {
  const bytes = Buffer.from(generatedContent(size))
  bytes.writeUInt32BE(index, 0)
  return bytes
}

function tarOf(entries: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat([...entries, Buffer.alloc(2 * TAR_BLOCK)])
}

/** A file in a tar archive. */
function tarEntry(name: string, bytes: Uint8Array, mode = 0o644): Uint8Array {
  const header = Buffer.alloc(TAR_BLOCK)
  const octal = (value: number, length: number): string => `${value.toString(8).padStart(length - 1, '0')}\0`
  header.write(name, 0)
  header.write(octal(mode, 8) + octal(0, 8) + octal(0, 8) + octal(bytes.length, 12) + octal(0, 12), 100)
  header.write('0', 156)
  header.write('ustar\u000000', 257)
  // The checksum counts its own place as blanks.
  header.write(' '.repeat(8), 148)
  header.write(`${octal(header.reduce((sum, byte) => sum + byte, 0), 7)} `, 148)
  const padding = (TAR_BLOCK - (bytes.length % TAR_BLOCK)) % TAR_BLOCK
  return Buffer.concat([header, bytes, Buffer.alloc(padding)])
}

function storedJson(mediaType: string, value: unknown): Stored {
  return stored(mediaType, Buffer.from(JSON.stringify(value)))
}

function stored(mediaType: string, bytes: Uint8Array): Stored {
  return { digest: formatDigest(sha256(bytes)), mediaType, bytes }
}

function descriptor({ digest, mediaType, bytes }: Stored): Record<string, unknown> {
  return { mediaType, digest, size: bytes.length }
}

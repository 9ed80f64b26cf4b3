import { DamselflyError, redactUrl } from '@damselfly/shared'

/** What an `s3:` URL names: an object, or everything whose key begins like this. */
export interface S3Place {
  readonly bucket: string
  /** May be empty, which names no object but every prefix. */
  readonly key: string
  readonly versionId: string | undefined
}

/** Reads `s3://bucket/key` and `s3://bucket/key?versionId=…`. @throws DamselflyError URL_REFUSED */
export function parseS3Url(text: string): S3Place {
  const url = URL.parse(text)
  const refuse = (why: string): DamselflyError => new DamselflyError('URL_REFUSED', `'${redactUrl(text)}' ${why}`)
  if (url?.protocol !== 's3:') throw refuse('is not an s3: URL')
  if (url.hostname === '' || url.port !== '') throw refuse('has to begin with s3://bucket/: the server is named by the configuration')
  const { versionId, ...others } = Object.fromEntries(url.searchParams)
  if (Object.keys(others).length > 0) throw refuse('has a query besides versionId; write ? as %3F where it belongs to the key')
  try {
    return { bucket: url.hostname, key: decodeURIComponent(url.pathname.slice(1)), versionId }
  } catch {
    throw refuse('has a percent sign that begins no character; write it as %25')
  }
}

/** The URL of an object; undefined for a key that no URL can name, such as one with `..` between slashes. */
export function s3Url(bucket: string, key: string): string | undefined {
  const url = `s3://${bucket}/${key.split('/').map(encodeURIComponent).join('/')}`
  return parseS3Url(url).key === key ? url : undefined
}

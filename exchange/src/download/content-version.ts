/** What tells one version of a content from another. Empty strings: the origin did not say. */
export interface ContentVersion {
  readonly contentLength: number | undefined
  readonly etag: string
  readonly lastModified: string
}

/** Whether the origin gives anything that would show a change. */
export function canBeRevalidated(version: ContentVersion): boolean {
  return version.etag !== '' || version.lastModified !== ''
}

/** Whether both are certainly the same content. Without validators nothing is certain. */
export function isSameVersion(a: ContentVersion, b: ContentVersion): boolean {
  const lengthsDiffer = a.contentLength !== undefined && b.contentLength !== undefined && a.contentLength !== b.contentLength
  if (lengthsDiffer || !canBeRevalidated(a)) return false
  if (a.etag !== '' || b.etag !== '') return a.etag === b.etag
  return a.lastModified === b.lastModified
}

/**
 * Whether both are certainly different contents.
 *
 * @param isNamed the content is given by its digest, so that mirrors may show it with other validators
 */
export function contradicts(a: ContentVersion, b: ContentVersion, isNamed: boolean): boolean {
  if (a.contentLength !== undefined && b.contentLength !== undefined && a.contentLength !== b.contentLength) return true
  if (isNamed) return false
  if (a.etag !== '' && b.etag !== '') return a.etag !== b.etag
  return a.lastModified !== '' && b.lastModified !== '' && a.lastModified !== b.lastModified
}

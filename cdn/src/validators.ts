import type { OriginInfo, OriginValidators } from './source-client.ts'

/** Whether equal tags mean equal bytes. */
export function isStrongEtag(etag: string): boolean {
  return etag !== '' && !etag.startsWith('W/')
}

/** Whether these can prove later that a part belongs to the same content. */
export function canProveSameness(validators: OriginValidators): boolean {
  return isStrongEtag(validators.etag) || validators.lastModified !== ''
}

/**
 * Compares what both sides give: tags before dates.
 *
 * @returns undefined when there is nothing to compare.
 */
export function sameValidators(a: OriginValidators, b: OriginValidators): boolean | undefined {
  if (a.etag !== '' && b.etag !== '') return weak(a.etag) === weak(b.etag)
  if (a.lastModified !== '' && b.lastModified !== '') return a.lastModified === b.lastModified
  return undefined
}

/** Whether a content that had `validators` and `contentLength` is shown to be another one now. */
export function hasChanged(before: OriginInfo, now: OriginInfo): boolean {
  const same = sameValidators(before.validators, now.validators)
  // Equal strong tags outweigh a length, which some origins tell wrongly when they are only probed.
  if (same === false || (same === true && isStrongEtag(before.validators.etag) && isStrongEtag(now.validators.etag))) return !same
  return before.contentLength !== undefined && now.contentLength !== undefined && before.contentLength !== now.contentLength
}

function weak(etag: string): string {
  return etag.startsWith('W/') ? etag.slice(2) : etag
}

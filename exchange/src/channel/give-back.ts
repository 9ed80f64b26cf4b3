/** What is smaller costs less to leave to the garbage collector; bytes. */
const LEAST_WORTH = 1024

/**
 * Gives the memory of bytes back at once that nobody will look at again: the view must be its buffer's only
 * user. V8 would otherwise collect the whole heap for each 64 MiB of such buffers, however small the heap is.
 */
export function giveBack(bytes: Uint8Array): void {
  const { buffer } = bytes
  if (bytes.byteLength >= LEAST_WORTH && buffer instanceof ArrayBuffer && !buffer.detached) buffer.transfer(0)
}

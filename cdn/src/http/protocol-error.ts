/** What an origin sent is not HTTP/1.1, or not of a kind that can be read safely. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError'
}

import { DamselflyError, isDamselflyError, messageOf, systemCode } from '@damselfly/shared'

/** Codes of OpenSSL and Node.js for certificates that are not believed. */
const UNTRUSTED = /^(?:CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|HOSTNAME_MISMATCH|ERR_TLS_CERT|INVALID_CA|PATH_LENGTH)/
/** As OpenSSL says it, in codes or in words. */
const NOT_TLS = /wrong.version.number|packet.length.too.long/i
const WANTS_CERTIFICATE = /alert.(?:certificate|handshake.failure|unknown.ca|bad.certificate)/i

/** What went wrong on the way to the management API, in words. */
export function connectionFailure(url: string, error: unknown): DamselflyError {
  if (isDamselflyError(error)) return error
  const code = systemCode(error) ?? ''
  const words = `${code} ${messageOf(error)}`
  if (UNTRUSTED.test(code)) return new DamselflyError('SUPERNODE_TLS', `the certificate of ${url} is not trusted: ${messageOf(error)}`, { cause: error })
  if (NOT_TLS.test(words)) return new DamselflyError('SUPERNODE_UNREACHABLE', `${url} does not speak HTTPS: write http:// if tokens may be seen on their way`, { cause: error })
  if (WANTS_CERTIFICATE.test(words)) return new DamselflyError('SUPERNODE_TLS', `${url} refuses this client's certificate, or wants one: ${messageOf(error)}`, { cause: error })
  return new DamselflyError('SUPERNODE_UNREACHABLE', `the management API at ${url} does not answer: ${messageOf(error).trim()}`, { cause: error })
}

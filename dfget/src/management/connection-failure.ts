import { DamselflyError, isDamselflyError, messageOf, systemCode } from '@damselfly/shared'

/** Codes of OpenSSL and Node.js for certificates that are not believed. */
const UNTRUSTED = /^(?:CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|HOSTNAME_MISMATCH|ERR_TLS_CERT|INVALID_CA|PATH_LENGTH)/
const NOT_TLS = /WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|ERR_SSL_.*UNKNOWN_PROTOCOL/
const WANTS_CERTIFICATE = /ALERT_(?:CERTIFICATE_REQUIRED|HANDSHAKE_FAILURE|UNKNOWN_CA|BAD_CERTIFICATE|CERTIFICATE_)/

/** What went wrong on the way to the management API, in words. */
export function connectionFailure(url: string, error: unknown): DamselflyError {
  if (isDamselflyError(error)) return error
  const code = systemCode(error) ?? ''
  if (UNTRUSTED.test(code)) return new DamselflyError('SUPERNODE_TLS', `the certificate of ${url} is not trusted: ${messageOf(error)}`, { cause: error })
  if (NOT_TLS.test(code)) return new DamselflyError('SUPERNODE_UNREACHABLE', `${url} does not speak HTTPS: write http:// if tokens may be seen on their way`, { cause: error })
  if (WANTS_CERTIFICATE.test(code)) return new DamselflyError('SUPERNODE_TLS', `${url} refuses this client's certificate, or wants one: ${messageOf(error)}`, { cause: error })
  return new DamselflyError('SUPERNODE_UNREACHABLE', `the management API at ${url} does not answer: ${messageOf(error)}`, { cause: error })
}

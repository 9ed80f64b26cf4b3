import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3'
import type { S3Access } from './s3-access.ts'
import { DEFAULT_S3_LIMITS, type S3Limits } from './s3-limits.ts'

/**
 * A client of one S3 server, for objects of contents and of the store alike. It tries nothing twice, since whoever
 * uses it knows better what is worth trying, and takes nothing from the machine's environment that is not configured.
 * Whoever creates it calls `destroy`.
 *
 * @param sharing a client of the same server whose connections this one uses; then there is nothing to destroy
 */
export function createS3Client(access: S3Access, limits: Partial<S3Limits> = {}, sharing?: S3Client): S3Client {
  const { endpoint, region, pathStyle = endpoint !== undefined } = access
  return new S3Client({
    region,
    forcePathStyle: pathStyle,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...credentialsOf(access),
    ...OWN_CHOICES,
    requestHandler: sharing?.config.requestHandler ?? handlerOptions({ ...DEFAULT_S3_LIMITS, ...limits }),
  })
}

/** Each would otherwise be looked for in AWS_* variables and in `~/.aws/config`. */
const OWN_CHOICES: S3ClientConfig = {
  maxAttempts: 1,
  retryMode: 'standard',
  defaultsMode: 'standard',
  useDualstackEndpoint: false,
  useFipsEndpoint: false,
  useArnRegion: false,
  disableMultiregionAccessPoints: true,
  disableS3ExpressSessionAuth: true,
  ignoreConfiguredEndpointUrls: true,
  userAgentAppId: 'damselfly',
  authSchemePreference: [],
  sigv4aSigningRegionSet: [],
  // Some servers store a body that was sent with a trailing checksum as it came over the wire.
  requestChecksumCalculation: 'WHEN_REQUIRED',
  // What is stored or served is compared with digests of our own.
  responseChecksumValidation: 'WHEN_REQUIRED',
}

function credentialsOf(access: S3Access): S3ClientConfig {
  const { accessKeyId, secretAccessKey, sessionToken } = access
  if (accessKeyId !== undefined && secretAccessKey !== undefined) {
    const token = sessionToken === undefined ? {} : { sessionToken: sessionToken.reveal() }
    return { credentials: { accessKeyId, secretAccessKey: secretAccessKey.reveal(), ...token } }
  }
  if (access.machineCredentials) return {}
  // Anonymous: the request goes as it is, and no credentials are looked for.
  return { credentials: { accessKeyId: '', secretAccessKey: '' }, signer: { sign: (request) => Promise.resolve(request) } }
}

function handlerOptions(limits: S3Limits): NonNullable<S3ClientConfig['requestHandler']> {
  const agent = { keepAlive: true, maxSockets: limits.connections }
  return {
    connectionTimeout: limits.connectTimeoutMs,
    requestTimeout: limits.headersTimeoutMs,
    // Else it only warns.
    throwOnRequestTimeout: true,
    socketTimeout: limits.idleTimeoutMs,
    // Waiting for a connection is what the limit is for, and no reason to warn on the console.
    socketAcquisitionWarningTimeout: 2 ** 31 - 1,
    httpAgent: agent,
    httpsAgent: agent,
  }
}

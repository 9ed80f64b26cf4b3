/**
 * Every error that a person or a program can meet, by its stable code.
 * `exit` is dfget's exit code for the kind, `http` the status of the management and local APIs,
 * `advice` what to do next. The reference page is generated from this table.
 */
export interface ErrorKind {
  readonly exit: number
  readonly http: number
  readonly meaning: string
  readonly advice: string
}

/** Exit codes, one per kind of failure. `dfget --help` lists them. */
export const EXIT = {
  ok: 0,
  failure: 1,
  usage: 2,
  originRefused: 3,
  originUnreachable: 4,
  integrity: 5,
  disk: 6,
  timeout: 7,
  network: 8,
  interrupted: 130,
} as const

export const ERROR_CODES = {
  CONFIG_INVALID: {
    exit: EXIT.usage,
    http: 400,
    meaning: 'a setting has an unknown name or a value that is not allowed',
    advice: 'correct the named setting; --print-config shows what is in force',
  },
  USAGE: {
    exit: EXIT.usage,
    http: 400,
    meaning: 'the request or the command line asks for something that is not possible',
    advice: 'see --help',
  },
  URL_REFUSED: {
    exit: EXIT.usage,
    http: 400,
    meaning: 'the URL cannot be read, or names nothing that could be fetched',
    advice: 'give a URL such as https://host/path; docs/guides/sources.md shows the other kinds',
  },
  ORIGIN_FORBIDDEN: {
    exit: EXIT.originRefused,
    http: 403,
    meaning: 'the URL, a redirect or DNS leads to a private address, or to a file outside of the configured folders',
    advice: 'if it is meant to be reached, allow it in the configuration with origins.allow, a folder with origins.files',
  },
  ORIGIN_NOT_FOUND: {
    exit: EXIT.originRefused,
    http: 404,
    meaning: 'the origin does not have this content (404 or 410)',
    advice: 'check the URL',
  },
  ORIGIN_UNAUTHORIZED: {
    exit: EXIT.originRefused,
    http: 401,
    meaning: 'the origin refused access (401, 403 or 407)',
    advice: "give credentials with --header 'Authorization: …'",
  },
  ORIGIN_STATUS: {
    exit: EXIT.originUnreachable,
    http: 502,
    meaning: 'the origin answered with an error status',
    advice: 'try again later, or ask who runs the origin',
  },
  ORIGIN_UNREACHABLE: {
    exit: EXIT.originUnreachable,
    http: 502,
    meaning: 'no connection to the origin: name not found, refused, reset or timed out',
    advice: 'check the host name, the network and the proxy settings',
  },
  ORIGIN_TLS: {
    exit: EXIT.originUnreachable,
    http: 502,
    meaning: "the origin's TLS certificate is not trusted or does not match its name",
    advice: 'add its CA with NODE_EXTRA_CA_CERTS; never switch verification off for the internet',
  },
  ORIGIN_REDIRECTS: {
    exit: EXIT.originUnreachable,
    http: 502,
    meaning: 'the origin redirects too often or without a usable location',
    advice: 'check the URL with curl -IL',
  },
  ORIGIN_SHORT: {
    exit: EXIT.originUnreachable,
    http: 502,
    meaning: 'the origin ended before the length that it announced',
    advice: 'run the same command again: it continues where it stopped',
  },
  ORIGIN_LONG: {
    exit: EXIT.originUnreachable,
    http: 502,
    meaning: 'the origin sent more than the length that it announced',
    advice: 'ask who runs the origin; nothing of it was kept',
  },
  ORIGIN_CHANGED: {
    exit: EXIT.originUnreachable,
    http: 502,
    meaning: 'the content changed at the origin during the download',
    advice: 'run the same command again: it starts with the new content',
  },
  RANGE_UNSATISFIABLE: {
    exit: EXIT.usage,
    http: 416,
    meaning: 'the range lies outside the content, or the origin serves no ranges',
    advice: 'ask for a range inside the content',
  },
  CONTENT_TOO_LONG: {
    exit: EXIT.originRefused,
    http: 413,
    meaning: 'the content is longer than the supernode takes (cdn.origins.maxContentLength)',
    advice: 'fetch it without the supernode, or raise the limit',
  },
  DIGEST_MISMATCH: {
    exit: EXIT.integrity,
    http: 502,
    meaning: 'the content does not have the digest that was asked for',
    advice: 'check the digest; if it is right, the origin serves something else than you expect',
  },
  PIECE_CORRUPT: {
    exit: EXIT.integrity,
    http: 502,
    meaning: 'a piece does not have its digest',
    advice: 'nothing to do: it is fetched from another parent',
  },
  DISK_FULL: {
    exit: EXIT.disk,
    http: 507,
    meaning: 'no space is left on the disk or in the quota',
    advice: 'free space, then run the same command again: it continues where it stopped',
  },
  DISK_DENIED: {
    exit: EXIT.disk,
    http: 500,
    meaning: 'no permission to read or write the named file or folder',
    advice: 'choose another path or change its owner or mode',
  },
  DISK_FAILED: {
    exit: EXIT.disk,
    http: 500,
    meaning: 'reading or writing the named file failed',
    advice: 'check the path and the disk',
  },
  STORE_LOCKED: {
    exit: EXIT.disk,
    http: 500,
    meaning: 'another process uses this data directory',
    advice: 'stop the other process or choose another data directory',
  },
  TIMEOUT: {
    exit: EXIT.timeout,
    http: 504,
    meaning: 'the download did not finish in the time allowed',
    advice: 'run the same command again: it continues where it stopped',
  },
  SUPERNODE_UNREACHABLE: {
    exit: EXIT.network,
    http: 503,
    meaning: 'no control channel to the supernode',
    advice: 'check its address; downloads go to the origin meanwhile unless that is switched off',
  },
  SUPERNODE_IDENTITY: {
    exit: EXIT.network,
    http: 502,
    meaning: 'the supernode shows another identity than the one configured or seen before',
    advice: 'if it was reinstalled, configure its new PeerId or remove its line from known-supernodes.json in the data directory',
  },
  SUPERNODE_OVERLOADED: {
    exit: EXIT.network,
    http: 503,
    meaning: 'the supernode takes no more of this now',
    advice: 'try again later',
  },
  NO_SOURCE: {
    exit: EXIT.network,
    http: 503,
    meaning: 'no peer has the missing pieces and back-to-source is switched off',
    advice: 'leave out --no-back-to-source, or try again when a peer has the content',
  },
  PEER_UNREACHABLE: {
    exit: EXIT.network,
    http: 502,
    meaning: 'no lane to a peer: connection refused, reset or timed out',
    advice: 'nothing to do: other parents are used',
  },
  PEER_IDENTITY: {
    exit: EXIT.network,
    http: 502,
    meaning: 'a peer shows another identity than the one that was dialled',
    advice: 'check for something that intercepts connections between peers',
  },
  SECURITY_MISMATCH: {
    exit: EXIT.network,
    http: 403,
    meaning: 'the other side offers less security than is demanded here or in the network, or demands what is not allowed here',
    advice: 'compare `security` and `ciphers` of both sides, and `network` of the supernode',
  },
  PEER_NOT_ADMITTED: {
    exit: EXIT.network,
    http: 403,
    meaning: 'the supernode does not let this peer into its network, or not any more',
    advice: 'give the peer a join token (`joinTokenFile`; `dfget token create NAME --role peer`), or `dfget peer admit` its PeerId',
  },
  PIECE_REFUSED: {
    exit: EXIT.network,
    http: 502,
    meaning: 'a parent refused a piece',
    advice: 'nothing to do: other parents are used',
  },
  TICKET_INVALID: {
    exit: EXIT.network,
    http: 403,
    meaning: 'a ticket is missing, expired, for somebody else, or not signed by the supernode',
    advice: "check both hosts' clocks if it happens often",
  },
  PROTOCOL: {
    exit: EXIT.network,
    http: 502,
    meaning: 'the other side sent something that the protocol does not allow',
    advice: 'check that both sides run versions that fit',
  },
  CHANNEL_CLOSED: {
    exit: EXIT.network,
    http: 502,
    meaning: 'the channel closed before the exchange was over',
    advice: 'nothing to do: it is opened again',
  },
  DAEMON_UNREACHABLE: {
    exit: EXIT.network,
    http: 503,
    meaning: 'dfdaemon does not answer on its socket',
    advice: 'check that it runs: systemctl status dfdaemon',
  },
  ADDRESS_IN_USE: {
    exit: EXIT.network,
    http: 500,
    meaning: 'a port or socket that is to be listened on is taken',
    advice: 'stop what uses it or configure another one',
  },
  UNAUTHORIZED: {
    exit: EXIT.usage,
    http: 401,
    meaning: 'the API request has no valid token',
    advice: 'send a valid token as Authorization: Bearer …; with dfget --token-file, or DAMSELFLY_TOKEN',
  },
  TASK_NOT_FOUND: {
    exit: EXIT.usage,
    http: 404,
    meaning: 'there is no such task',
    advice: 'list the tasks',
  },
  PEER_NOT_FOUND: {
    exit: EXIT.usage,
    http: 404,
    meaning: 'no such peer is connected',
    advice: 'list the peers',
  },
  TASK_BUSY: {
    exit: EXIT.usage,
    http: 409,
    meaning: 'the task is being downloaded or served',
    advice: 'wait until it is idle, or cancel the download',
  },
  CANCELLED: {
    exit: EXIT.interrupted,
    http: 499,
    meaning: 'the caller went away or asked to stop',
    advice: 'run the same command again: it continues where it stopped',
  },
  INTERNAL: {
    exit: EXIT.failure,
    http: 500,
    meaning: 'a defect of the program',
    advice: 'please report it with the log',
  },
  BLOCKED: {
    exit: EXIT.network,
    http: 403,
    meaning: 'a rule of the supernode forbids this download, or a rule of the proxy this request',
    advice: 'ask who runs the supernode or the proxy; the message names the rule',
  },
  PROXY_REFUSED: {
    exit: EXIT.network,
    http: 403,
    meaning: 'the proxy connects to no private address, not to its own daemon, and by tunnels only to the ports that it is told',
    advice: 'if it is meant to be reached, allow it with proxy.allow or proxy.connectPorts; the daemon itself is never reached',
  },
  PROXY_UNAUTHORIZED: {
    exit: EXIT.usage,
    http: 407,
    meaning: 'the proxy lets in only those who give a user and a password',
    advice: 'put them into the address of the proxy: http://USER:PASSWORD@HOST:PORT',
  },
  NO_SOURCE_CLIENT: {
    exit: EXIT.usage,
    http: 400,
    meaning: 'this program cannot fetch from that kind of origin itself, or no access to that bucket is configured',
    advice: 'use a supernode that can (only supernodes read files), or configure origins.s3 or origins.registries here',
  },
  RULE_NOT_FOUND: {
    exit: EXIT.usage,
    http: 404,
    meaning: 'there is no rule with this id',
    advice: 'list the rules; one that has expired is gone',
  },
  TASK_PINNED: {
    exit: EXIT.usage,
    http: 409,
    meaning: 'the task is pinned and so is not deleted',
    advice: 'unpin it first',
  },
  PREHEAT_NOT_FOUND: {
    exit: EXIT.usage,
    http: 404,
    meaning: 'there is no such preheat',
    advice: 'list the preheats; one that ended long ago is forgotten',
  },
  PREHEAT_REFUSED: {
    exit: EXIT.network,
    http: 403,
    meaning: 'a peer takes no preheats, or no more of them now',
    advice: "allow them with preheat: true in the peer's configuration, or choose other peers",
  },
  STORAGE_DENIED: {
    exit: EXIT.disk,
    http: 503,
    meaning: 'the server of the bucket does not accept the credentials, or they do not allow what is needed',
    advice: 'check the key under cdn.storage.s3 and what it may do with the bucket: list, read, write, delete',
  },
  STORAGE_MISSING: {
    exit: EXIT.disk,
    http: 503,
    meaning: 'the bucket that contents are kept in does not exist (any more)',
    advice: 'check cdn.storage.s3.bucket, or create the bucket',
  },
  STORAGE_FAILED: {
    exit: EXIT.disk,
    http: 503,
    meaning: 'the server of the bucket cannot be reached, does not answer in time, or fails',
    advice: 'check cdn.storage.s3.endpoint, the network and the server; what was kept there is still there',
  },
  TOOL_MISSING: {
    exit: EXIT.usage,
    http: 404,
    meaning: 'the container tool that is to be set up is not installed',
    advice: 'install it first, or make the folder of its configuration',
  },
  TOOL_CONFIG_INVALID: {
    exit: EXIT.usage,
    http: 400,
    meaning: 'the configuration of a container tool is damaged, or cannot be changed without breaking it',
    advice: 'correct it at the named place; nothing was written',
  },
  TOOL_CONFIG_CHANGED: {
    exit: EXIT.usage,
    http: 409,
    meaning: 'the configuration of a container tool was changed since it was set up, where it cannot be told apart from the set-up',
    advice: 'take the mirror out by hand, or put the file back as it was; nothing was written',
  },
  TOOL_RESTART_FAILED: {
    exit: EXIT.failure,
    http: 500,
    meaning: 'a container tool is set up, but could not be restarted',
    advice: 'look at its own log, then restart it by hand',
  },
  FORBIDDEN: {
    exit: EXIT.usage,
    http: 403,
    meaning: "the caller's role or scopes do not allow this request",
    advice: 'use a token with the role that the message names, or ask an admin for one',
  },
  TOKEN_NOT_FOUND: {
    exit: EXIT.usage,
    http: 404,
    meaning: 'there is no token with this id',
    advice: 'list the tokens; one that has expired is gone',
  },
  SUPERNODE_TLS: {
    exit: EXIT.network,
    http: 502,
    meaning: "the certificate of the supernode's management API is not trusted, is for another name, or the client's own is refused",
    advice: "name its CA with --ca-file, or its fingerprint with --fingerprint; the supernode's log shows both when it starts",
  },
  ISSUER_UNREACHABLE: {
    exit: EXIT.network,
    http: 503,
    meaning: 'the issuer of OIDC tokens (management.oidc.issuer) cannot be asked for its keys',
    advice: "try again later, or use one of the supernode's own tokens, which work meanwhile",
  },
  TOO_MANY_FAILURES: {
    exit: EXIT.usage,
    http: 429,
    meaning: 'too many wrong tokens or other credentials came from this address',
    advice: 'correct the token, then wait as long as the header Retry-After says; good tokens work from other addresses meanwhile',
  },
  TOO_MANY_REQUESTS: {
    exit: EXIT.failure,
    http: 429,
    meaning: 'a caller of the management API has taken more than its share of the supernode',
    advice: 'ask less often; wait as long as the header Retry-After says',
  },
} as const satisfies Record<string, ErrorKind>

export type ErrorCode = keyof typeof ERROR_CODES

export function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(ERROR_CODES, text)
}

/** What one peer may ask of the supernode. Beyond it a message is refused or the channel ends. */
export interface ControlLimits {
  /** Peers that may be connected at once. */
  readonly peers: number
  /** Tasks that may be known while peers hold or want them. */
  readonly tasks: number
  /** Tasks that one peer may hold or want at once. */
  readonly tasksPerPeer: number
  /** Registrations of one peer that may have no answer yet. */
  readonly pendingRegistrations: number
  /** Contents that are fetched from origins for one peer at once; others wait. */
  readonly fetchesPerPeer: number
  /** Digests of pieces that are known by the word of one peer, alone or with others, and of no CDN or manifest. */
  readonly claimsPerPeer: number
  /** The same of all peers: of those that enough of them vouched for. */
  readonly vouchedPieces: number
  /** The part of this thread's time that the messages of one peer may take, after a second or two at once; 0 to 1. */
  readonly timePerPeer: number
  /** What may wait for a peer that does not read; bytes, roughly. */
  readonly maxQueuedBytes: number
  /** Time for the first message, Hello; milliseconds. */
  readonly helloTimeoutMs: number
}

export const CONTROL_LIMITS: ControlLimits = {
  peers: 10_000,
  tasks: 100_000,
  tasksPerPeer: 10_000,
  pendingRegistrations: 4096,
  // What is under way goes on when its peer has taken more than its share of time.
  fetchesPerPeer: 32,
  claimsPerPeer: 1 << 18,
  // Some 300 MB.
  vouchedPieces: 1 << 21,
  // Others need the rest, and the other processors have work by it too.
  timePerPeer: 0.15,
  // Four full frames: more than any burst of assignments, less than what hurts with many slow readers.
  maxQueuedBytes: 32 * 1024 * 1024,
  helloTimeoutMs: 10_000,
}

/** Messages in one batch; the peer's side sends far fewer. */
export const MAX_BATCH_MESSAGES = 65_536

/** Assignments that a child may ask for at once. */
export const MAX_WANTED = 1024

/** Assignments that a child should have open per task. */
export const WINDOW = 8

/** Addresses that a peer may announce. */
export const MAX_ENDPOINTS = 32

/** Characters of names that peers give: agent, host name, location, tag, application. */
export const MAX_NAME_LENGTH = 256

export const MAX_URL_LENGTH = 8192

/** Headers of one registration, and characters of all of them. */
export const MAX_HEADERS = 64
export const MAX_HEADER_CHARACTERS = 32 * 1024

/** A content up to this size travels inside the answer to its registration; bytes. */
export const INLINE_CONTENT_BYTES = 128 * 1024

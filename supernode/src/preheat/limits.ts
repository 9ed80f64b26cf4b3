/** What people may ask for, and how long the supernode has patience. */
export const PREHEAT_LIMITS = {
  /** Contents of one preheat. */
  contents: 1000,
  /** Contents times peers of one preheat. */
  targets: 20_000,
  /** Preheats that are remembered, those under way included. */
  kept: 1000,
  /** Preheats under way that one peer is asked for at once by one job. */
  perPeer: 4,
  /** Peers that may fail for one content, beyond as many as were asked for, before no other is tried. */
  replacements: 16,
  /** How long a peer that went away may take to come back; milliseconds. */
  returnMs: 30_000,
  /** How long a peer that is asked may say nothing; milliseconds. */
  silenceMs: 120_000,
  /** How long further peers are waited for when there are too few; milliseconds. */
  patienceMs: 60_000,
} as const

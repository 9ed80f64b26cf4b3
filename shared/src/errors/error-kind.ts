/**
 * What is known of one error that a person or a program can meet.
 * `exit` is dfget's exit code for the kind, `http` the status of the management and local APIs,
 * `advice` what to do next.
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

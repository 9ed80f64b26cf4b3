import { inspect } from 'node:util'
import * as z from 'zod'

const REDACTED = '[redacted]'

/** A value that cannot be shown by accident: logs, JSON, templates and `--print-config` all see `[redacted]`. */
export class Secret {
  readonly #value: string

  constructor(value: string) {
    this.#value = value
  }

  /** The value itself; call it only where the value is used. */
  reveal(): string {
    return this.#value
  }

  toString(): string {
    return REDACTED
  }

  toJSON(): string {
    return REDACTED
  }

  [inspect.custom](): string {
    return REDACTED
  }
}

/** A setting that is never shown, such as a password or a token. */
export function secret(): z.ZodType<Secret, string> {
  return z
    .string()
    .min(1)
    .transform((value) => new Secret(value))
    .meta({ unit: 'secret' })
}

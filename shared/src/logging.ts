import { pino, type Logger } from 'pino'

export type { Logger }

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

/** Paths in log objects whose values are never written. */
const REDACTED = ['token', 'authorization', 'cookie', 'credentials', 'headers', 'password'].flatMap((key) => [key, `*.${key}`])

/** One JSON object per line on standard error, so that standard output stays free for content. */
export function createLogger(name: string, level: LogLevel): Logger {
  return pino(
    { name, level, redact: { paths: REDACTED, censor: '[redacted]' }, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ fd: 2, sync: true }),
  )
}

export function silentLogger(): Logger {
  return pino({ level: 'silent' })
}

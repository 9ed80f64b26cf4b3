import { pino, type DestinationStream, type Logger } from 'pino'
import { redactSecrets } from './redaction.ts'

export type { Logger }

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

/**
 * One JSON object per line without secrets.
 *
 * @param destination standard error unless given, so that standard output stays free for content.
 */
export function createLogger(name: string, level: LogLevel, destination?: DestinationStream): Logger {
  return pino(
    {
      name,
      level,
      formatters: { log: redactSecrets, bindings: redactSecrets },
      timestamp: pino.stdTimeFunctions.isoTime,
    },
    destination ?? pino.destination({ fd: 2, sync: true }),
  )
}

export function silentLogger(): Logger {
  return pino({ level: 'silent' })
}

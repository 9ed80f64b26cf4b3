import { pino, type Bindings, type ChildLoggerOptions, type DestinationStream, type Logger } from 'pino'
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
  const logger = pino(
    { name, level, formatters: { log: redactSecrets }, timestamp: pino.stdTimeFunctions.isoTime },
    destination ?? pino.destination({ fd: 2, sync: true }),
  )
  redactChildren(logger)
  return logger
}

type MakeChild = (this: Logger, bindings: Bindings, options?: ChildLoggerOptions) => Logger

/** What a child logger is given at its making goes around the formatters. */
function redactChildren(logger: Logger): void {
  const inherited: { readonly child: MakeChild } = logger
  const child = inherited.child
  // Children inherit this one, and so do theirs.
  const redacting: MakeChild = function (bindings, options) {
    return child.call(this, redactSecrets(bindings), options)
  }
  Object.assign(logger, { child: redacting })
}

export function silentLogger(): Logger {
  return pino({ level: 'silent' })
}

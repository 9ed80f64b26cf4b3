import { silentLogger, type Logger } from '@damselfly/shared/logging'

/** A logger that keeps the texts of its warnings. */
export class LogRecorder {
  readonly warnings: string[] = []
  readonly logger: Logger = Object.assign(silentLogger(), {
    warn: (_fields: object, text: string): void => void this.warnings.push(text),
  })
}

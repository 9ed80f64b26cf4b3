import { DamselflyError } from '@damselfly/shared'

/** @param where the file, with `:line` if that is known */
export function toolConfigError(where: string, problem: string): DamselflyError {
  return new DamselflyError('TOOL_CONFIG_INVALID', `${where}: ${problem}`)
}

/** From 1 on. */
export function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length
}

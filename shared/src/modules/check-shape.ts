import { DamselflyError } from '../errors/damselfly-error.ts'
import type { Exported } from './import-module.ts'

/** A function of which nothing else is known; whoever asked for it says what it takes and gives. */
export type Unchecked = (...given: never[]) => unknown

/** The function that a module has to export under this name. @throws DamselflyError CONFIG_INVALID */
export function exportedFunction(exported: Exported, name: string): Unchecked {
  const found = exported[name]
  if (typeof found === 'function') return found as Unchecked
  const names = Object.keys(exported)
  const others = names.length === 0 ? 'it exports nothing' : `it exports ${names.join(', ')}`
  const problem = found === undefined ? `there is no export '${name}'; ${others}` : `'${name}' ${isInstead(found, 'function')}`
  throw new DamselflyError('CONFIG_INVALID', problem)
}

/** What a member of an object has to be; with a question mark it may be left out. */
export type MemberKind = 'function' | 'function?'

/** What is missing or of the wrong kind in an object of somebody's; a line for each member. @param name of the object, in messages */
export function problemsOfMembers(value: unknown, shape: Readonly<Record<string, MemberKind>>, name: string): string[] {
  if (!isObject(value)) return [`${name} ${isInstead(value, `object with ${Object.keys(shape).join(', ')}`)}`]
  return Object.entries(shape).flatMap(([member, kind]) => {
    const found = value[member]
    if (typeof found === 'function' || (kind === 'function?' && found === undefined)) return []
    return [`${name}.${member} ${isInstead(found, 'function')}`]
  })
}

/** For messages: what a value is, and what it should have been. */
export function isInstead(value: unknown, expected: string): string {
  const article = /^[aeiou]/.test(expected) ? 'an' : 'a'
  return value === undefined ? `is missing, expected ${article} ${expected}` : `is ${kindOf(value)}, expected ${article} ${expected}`
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function kindOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'a list'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}

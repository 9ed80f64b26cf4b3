import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import parse from 'spdx-expression-parse'
import type { LicenceException } from './exceptions.ts'
import type { ProductionPackage } from './production.ts'

/** What may be handed on together with Apache-2.0 and asks for no more than a notice. */
export const ALLOWED_LICENCES: readonly string[] = ['0BSD', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'BlueOak-1.0.0', 'ISC', 'MIT']

/** A package with the licence that its installed package.json names. */
export interface Licensed {
  readonly name: string
  /** An SPDX expression, as a rule; undefined: none is named. */
  readonly licence: string | undefined
}

export function licencesOf(root: string, packages: readonly ProductionPackage[]): readonly Licensed[] {
  return packages.map(({ name, path }) => ({ name, licence: licenceAt(join(root, path)) }))
}

export function licenceAt(folder: string): string | undefined {
  const { license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { readonly license?: unknown }
  return typeof license === 'string' ? license : undefined
}

/** @returns what may not be handed on, and exceptions that nothing needs, a line each */
export function licenceProblems(packages: readonly Licensed[], exceptions: readonly LicenceException[]): readonly string[] {
  const refused = packages.filter(({ licence }) => licence === undefined || !isAllowed(licence))
  const isExcepted = (one: Licensed): boolean => exceptions.some(({ name, licence }) => one.name === name && one.licence === licence)
  const unneeded = exceptions.filter(({ name }) => !refused.some((one) => one.name === name && isExcepted(one)))
  return [
    ...refused.filter((one) => !isExcepted(one)).map(({ name, licence = 'no licence' }) => `${name} has ${licence}, which is not among the allowed ones`),
    ...unneeded.map(({ name, licence }) => `the exception for ${name} with ${licence} is needed no more`),
  ]
}

function isAllowed(expression: string): boolean {
  try {
    return allows(parse(expression))
  } catch {
    return false
  }
}

function allows(info: parse.Info): boolean {
  if (!('conjunction' in info)) return info.exception === undefined && ALLOWED_LICENCES.includes(info.license)
  const [left, right] = [allows(info.left), allows(info.right)]
  return info.conjunction === 'and' ? left && right : left || right
}

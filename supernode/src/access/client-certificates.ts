import type { X509Certificate } from 'node:crypto'
import { DamselflyError, type Clock } from '@damselfly/shared'
import type { ClientRole } from '../config/management-config.ts'
import { shownName } from './shown-name.ts'
import type { Caller } from './roles.ts'

/** Who a client certificate is for, once TLS has proved it. */
export class ClientCertificates {
  readonly #roles: readonly ClientRole[]
  readonly #clock: Clock

  constructor(roles: readonly ClientRole[], clock: Clock) {
    this.#roles = roles
    this.#clock = clock
  }

  /** @throws DamselflyError UNAUTHORIZED */
  callerOf(certificate: X509Certificate): Caller {
    const subject = certificate.toLegacyObject().subject as unknown as Subject
    const name = `certificate of ${shownName(valuesOf(subject.CN)[0] ?? certificate.fingerprint256)}`
    // A connection may live on when its certificate does not.
    if (Date.parse(certificate.validTo) <= this.#clock.wallTime()) throw new DamselflyError('UNAUTHORIZED', `the ${name} has expired`)
    const found = this.#roles.find((entry) => fits(entry, subject))
    if (found === undefined) throw new DamselflyError('UNAUTHORIZED', `the ${name} has no role (management.tls.clientRoles), and no token was sent`)
    const { role, scopes } = found
    return { kind: 'certificate', name, role, ...(scopes === undefined ? {} : { scopes }) }
  }
}

/** As Node.js gives it: a list where an attribute comes several times. */
interface Subject {
  readonly CN?: string | readonly string[]
  readonly O?: string | readonly string[]
  readonly OU?: string | readonly string[]
}

function fits({ commonName, organization, organizationalUnit }: ClientRole, { CN, O, OU }: Subject): boolean {
  const wanted = [[commonName, CN], [organization, O], [organizationalUnit, OU]] as const
  return wanted.every(([value, given]) => value === undefined || valuesOf(given).includes(value))
}

function valuesOf(value: string | readonly string[] | undefined): readonly string[] {
  return value === undefined ? [] : typeof value === 'string' ? [value] : value
}

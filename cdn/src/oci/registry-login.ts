import type { RegistryOptions } from './registry-settings.ts'

/** What proves to a registry who asks. */
export type RegistryLogin =
  /** The value of an Authorization header of that scheme. */
  | { readonly type: 'basic'; readonly authorization: string }
  /** Is exchanged for tokens (OAuth 2, refresh token). */
  | { readonly type: 'identity-token'; readonly token: string }
  /** Is shown as it is. */
  | { readonly type: 'bearer'; readonly token: string }

export function basicLogin(username: string, password: string): RegistryLogin {
  return { type: 'basic', authorization: `Basic ${Buffer.from(`${username}:${password}`, 'utf8').toString('base64')}` }
}

/** The login that stands in the settings themselves. */
export function configuredLogin(settings: RegistryOptions | undefined): RegistryLogin | undefined {
  if (settings?.token !== undefined) return { type: 'bearer', token: settings.token.reveal() }
  if (settings?.username === undefined || settings.password === undefined) return undefined
  return basicLogin(settings.username, settings.password.reveal())
}

/** Name and password of a basic login. */
export function nameAndPassword(authorization: string): { readonly username: string; readonly password: string } | undefined {
  const [, encoded] = /^basic +(\S+)$/i.exec(authorization) ?? []
  const decoded = encoded === undefined ? '' : Buffer.from(encoded, 'base64').toString('utf8')
  const colon = decoded.indexOf(':')
  return colon < 0 ? undefined : { username: decoded.slice(0, colon), password: decoded.slice(colon + 1) }
}

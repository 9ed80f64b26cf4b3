import type { PeerId } from '@damselfly/shared'
import * as z from 'zod'
import { isNetwork, Networks } from '../control/networks.ts'
import { plainAddress } from '../control/plain-address.ts'
import { matchesPattern } from './url-pattern.ts'

/** Which peers and which contents a rule is about; what is left out matches everything. */
export const downloadConditions = z.object({
  peer: z.string().min(1).max(128).optional().describe('PeerId'),
  addresses: z
    .string()
    .max(64)
    .refine(isNetwork, 'is neither an address nor a network such as 192.0.2.0/24')
    .optional()
    .describe('Address or network, IPv4 or IPv6, that the peer connects from'),
  tag: z.string().min(1).max(256).optional(),
  application: z.string().min(1).max(256).optional(),
  url: z.string().min(1).max(2048).optional().describe('URL of the content; * stands for any characters'),
})

export type DownloadConditions = z.output<typeof downloadConditions>

/** Whether it is about something in particular. */
export function concernsSome({ peer, addresses, tag, application, url }: DownloadConditions): boolean {
  return [peer, addresses, tag, application, url].some((given) => given !== undefined)
}

/** A peer as rules see it. */
export interface RuledPeer {
  readonly peer: PeerId
  /** The IP address that it connects from. */
  readonly address: string
}

/** A task as rules see it. */
export interface RuledTask {
  readonly url: string
  readonly tag: string
  readonly application: string
}

/** A rule made ready to be asked often. */
export interface Matcher<T> {
  readonly rule: T
  matches(peer: RuledPeer, task: RuledTask): boolean
}

export function matcherOf<T extends DownloadConditions>(rule: T): Matcher<T> {
  const network = rule.addresses === undefined ? undefined : new Networks([rule.addresses])
  return {
    rule,
    matches: ({ peer, address }, { url, tag, application }) =>
      (rule.peer === undefined || rule.peer === peer) &&
      (rule.tag === undefined || rule.tag === tag) &&
      (rule.application === undefined || rule.application === application) &&
      (network === undefined || network.has(plainAddress(address))) &&
      (rule.url === undefined || matchesPattern(url, rule.url)),
  }
}

import type { NetworkClass, PeerLocation } from '../contract.ts'

/** A parent as far as its way to a child matters. */
export interface Reachable {
  readonly location: PeerLocation
  readonly isRelayed: boolean
}

/** Names of the places around a peer, from the nearest to the widest; unknown ones are left out. */
export function placesOf(at: PeerLocation): readonly string[] {
  const places: string[] = []
  if (at.rack !== '') places.push(JSON.stringify([at.location, at.zone, at.rack]))
  if (at.zone !== '') places.push(JSON.stringify([at.location, at.zone]))
  if (at.lan !== undefined && at.lan !== '') places.push(`lan ${at.lan}`)
  if (at.location !== '') places.push(JSON.stringify([at.location]))
  return places
}

/** 0 same rack, 1 same zone, 2 same location, 3 anywhere. What is unknown is not the same. */
export function distance(a: PeerLocation, b: PeerLocation): number {
  if (a.location !== b.location) return 3
  if (a.zone !== b.zone) return a.location === '' ? 3 : 2
  if (a.rack !== '' && a.rack === b.rack) return 0
  if (a.zone !== '') return 1
  return a.location === '' ? 3 : 2
}

export function networkClass(child: PeerLocation, { location: { lan }, isRelayed }: Reachable): NetworkClass {
  if (isRelayed) return 'relay'
  return lan !== undefined && lan !== '' && lan === child.lan ? 'lan' : 'wan'
}

const RELAYED = 100

/**
 * The less the better: rack, zone and location as people configured them, and where these are the same or unknown a local network
 * before the internet. A relay comes last: its bytes travel twice.
 */
export function remoteness(child: PeerLocation, parent: Reachable): number {
  const network = networkClass(child, parent)
  return 2 * distance(child, parent.location) + (network === 'lan' ? 0 : 1) + (network === 'relay' ? RELAYED : 0)
}

import type { PeerLocation } from '../contract.ts'

/** Names of the places around a peer, from the nearest to the widest; unknown ones are left out. */
export function placesOf(at: PeerLocation): readonly string[] {
  const places: string[] = []
  if (at.rack !== '') places.push(JSON.stringify([at.location, at.zone, at.rack]))
  if (at.zone !== '') places.push(JSON.stringify([at.location, at.zone]))
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

import type { PeerId } from '@damselfly/shared'
import type { PeerCapacity } from '../../contract.ts'
import { Link } from '../network/link.ts'

/** What a host does that a good one does not; shares of 1. */
export interface Vices {
  /** Of the pieces that it sends, those with wrong bytes. */
  readonly lies: number
  /** Of the requests that it gets. */
  readonly refuses: number
}

export interface HostOptions {
  readonly id: PeerId
  /** Bytes per millisecond; infinite without a limit. */
  readonly upload: number
  readonly download: number
  readonly capacity: PeerCapacity
  readonly vices: Vices
  /** How many lanes it sends on at once, while the others wait for their turn; infinite: all share its upload. */
  readonly lanesAtOnce: number
}

/** A machine in the network: a peer, or the supernode's with the CDN. */
export class Host {
  readonly id: PeerId
  readonly capacity: PeerCapacity
  readonly vices: Vices
  readonly lanesAtOnce: number
  readonly uplink: Link
  readonly downlink: Link
  /** `frozen`: nothing comes from it any more, and nobody is told. */
  state: 'up' | 'frozen' | 'gone' = 'up'
  /** Bytes that it has sent. */
  sent = 0

  constructor({ id, upload, download, capacity, vices, lanesAtOnce }: HostOptions) {
    this.id = id
    this.capacity = capacity
    this.vices = vices
    this.lanesAtOnce = lanesAtOnce
    this.uplink = new Link(upload)
    this.downlink = new Link(download)
  }

  get location(): string {
    return this.capacity.location.location
  }
}

import type { CreatePolicies, ParentCandidate, ParentChoicePolicy, PeerLocation } from '@damselfly/scheduler'

/*
 * Policies for a company with offices: a child takes pieces from its own office as long as somebody there can give them,
 * and from the fastest of these, whatever it has to do already. The CDN, which everybody shares, never gives what the
 * swarm has already, unless the peers are slow. All else is left to the defaults.
 */

/** What a parent that has sent nothing yet is taken to do, so that it gets a chance; bytes per millisecond. */
const HOPED_FOR = 50_000

export const createPolicies: CreatePolicies = ({ admission }) => ({
  parentChoice: fastestNeighbour(),
  admission: {
    isSlow: (peerThroughput, cdnRate) => admission.isSlow(peerThroughput, cdnRate),
    admits: ({ onlyFromSlow, cdnInFlight }) => onlyFromSlow && cdnInFlight === 0,
  },
})

function fastestNeighbour(): ParentChoicePolicy {
  return {
    choose: <T extends ParentCandidate>(child: PeerLocation, candidates: readonly T[]): T => {
      const near = candidates.filter(({ location }) => location.location === child.location)
      return fastest(near.length > 0 ? near : candidates)
    },
  }
}

/** @param parents at least one */
function fastest<T extends ParentCandidate>(parents: readonly T[]): T {
  return parents.reduce((best, parent) => ((parent.rate ?? HOPED_FOR) > (best.rate ?? HOPED_FOR) ? parent : best))
}

import type { Explanation } from '../explanation.ts'
import { ATTACK_NAMES } from './figures.ts'

export const explanation: Explanation = {
  about: [
    `What is left to honest peers, and what the supernode has in memory, while somebody takes as much of it as it lets them. Two daemons download 64 MiB that nobody has had, each on a line
     of 16 MiB/s, alone and during each attack, in turns.`,
    `All run on one machine and at one priority, though an attacker would have processors of its own: what it takes of them here is among the figures, and is missing to the honest
     peers. Strangers come from an address of their own, those that are peers from the same one as the honest ones, each with an identity of its own.`,
  ],
  ways: {
    calm: 'nobody attacks',
    handshakes: '64 connections at once from one address begin a TLS handshake, again and again',
    silence: '2000 connections from one address say nothing, and come again when they are closed',
    registrations: 'a peer registers new tasks without end, each a content of 256 KiB that the origin has',
    announcements: 'a peer announces contents of 100,000 pieces each, without end',
    messages: 'a peer asks for pieces and tells of failures in batches of 10,000 messages',
    lanes: 'a child with a ticket opens 200 lanes, asks for the same piece 64 times on each, and reads nothing',
    questions: 'somebody with a token keeps 64 requests to the management API open, for lists and metrics',
    'slow clients': '1000 clients of the management API send their headers a line each second',
  },
  reading: [
    '`speed / calm`: how fast the honest peers were, in relation to the run without an attack in the same round.',
    '`supernode memory`: the most that the process had while honest peers downloaded.',
    '`done`: what the attacker did: connections, messages, requests, as far as it was let.',
  ],
  limits: [
    'Attackers with many addresses or many identities: each limit is for one of them.',
    'Lines that are full of an attacker\'s packets.',
    'Honest peers whose processors are busy: where all share two cores, the attacker takes some of the time that it would take elsewhere.',
  ],
  plot: [
    {
      title: 'Speed of honest peers under attack, in relation to none',
      bars: ATTACK_NAMES.map((name) => ({ label: name, figure: `${name}: speed / calm` })),
      line: { value: 1, label: 'no attack' },
    },
    {
      title: 'The most that the supernode had in memory, MB',
      bars: [
        { label: 'no attack', figure: 'calm: supernode memory' },
        ...ATTACK_NAMES.map((name) => ({ label: name, figure: `${name}: supernode memory` })),
      ],
    },
  ],
}

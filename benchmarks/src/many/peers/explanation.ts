import type { Explanation } from '../../explanation.ts'

export const explanation: Explanation = {
  about: [
    `What a supernode takes when many hosts have a daemon, most of which want nothing most of the time. Two thousand peers live
     in four processes on the same machine. Each has an identity of its own, the control client that daemons have, and a
     direct channel (TLS 1.3, both sides proved) over a socket of its own; each announces three of a hundred contents of 64
     pieces, with digests and the supernode's signature. What peers do among each other is left out: no piece is moved.`,
  ],
  ways: {
    reunion: `the supernode is killed (\`kill -9\`) and at once started again; peers notice it, come back after pauses that
     grow, and tell anew what they hold`,
    idle: 'twenty seconds in which nobody wants anything; peers and supernode only look whether the other is alive',
    talk: `200 of the peers each want one content after the other, as fast as the supernode answers: they register, ask for
     pieces, report each as done as soon as it is assigned, and leave; the other 1,800 are the parents`,
  },
  reading: [
    `\`messages per CPU-second\`: protobuf messages of the control protocol that the supernode read or wrote in a second of its
     CPU time: Register and its answer, Want, Assign, Parent, PieceDone, news, LeaveTask, DropTask. Those that travel in one
     frame count each; looks whether the other is alive do not count. It includes what the scheduler takes to assign.`,
    '`messages`: the same by the clock, while the peers use the same cores.',
    '`reconnected and announced`: from the end of the old process until the management API shows the last peer with all that it holds.',
    '`idle memory`, `active memory`: the most that the supernode had resident.',
  ],
  limits: ['A network between them, in which not all channels break at the same moment.', 'What the CDN does, since peers hold everything.'],
  plot: [
    {
      title: 'Memory of the supernode, MB',
      bars: [
        { label: '2,000 idle', figure: 'idle memory' },
        { label: '1,800 idle, 200 active', figure: 'active memory' },
      ],
    },
    {
      title: 'Seconds after the supernode was killed until all peers were',
      bars: [
        { label: 'connected', figure: 'reconnected' },
        { label: 'announced', figure: 'reconnected and announced' },
      ],
    },
  ],
  findings: [
    {
      title: 'What idle peers cost',
      paragraphs: [
        `A ping and its answer take a tenth of a millisecond of the supernode, most of it in the kernel and in TLS, so
         what counts is how many there are, and how often the process wakes up. Peers and supernode
         ask each other only after something was said and not answered, and otherwise every half minute; that a host is gone
         is noticed by TCP meanwhile, whose keep-alive costs the programs nothing. And all heartbeats look at full seconds: two
         thousand timers that each woke the process up took as much as the pings.`,
      ],
    },
    {
      title: 'What a restart costs',
      paragraphs: [
        `Half of the time after a restart went into the signatures and digests of manifests that other peers had brought before;
         now the first one of each content is checked. Of the peers’ own time a third went into reading their
         certificate and key anew for each attempt; now each transport does that once. What remains are handshakes: both sides
         prove their identity, and no session is resumed.`,
      ],
    },
    {
      title: 'Where the memory is',
      paragraphs: [
        `A TLS connection takes 67 KB, most of it OpenSSL’s, which makes 134 MB for two thousand; objects of the program take
         another 20 KB for each. The rest is what a supernode has without peers, and what V8 keeps for young objects. That seems to
         be most of what 200 active peers take beyond those that are idle, since it shrinks with the young generation; it was not measured apart.`,
        `One run each, one after the other, on a machine that others used: 346 MB idle, 408 MB active and 16,900 messages per
         CPU-second as it is; 322, 369 and 14,900 with \`--max-semi-space-size=12\`; 310, 378 and 12,700 with 8; 355, 399 and
         17,200 with a single arena of the C library. Smaller young generations so bring the memory below 400 MB for an eighth to
         a quarter of the messages, which would miss their goal on a slower machine, and the arena changes nothing but noise. Whoever
         needs the memory more can set \`NODE_OPTIONS=--max-semi-space-size=12\`.`,
      ],
    },
  ],
}

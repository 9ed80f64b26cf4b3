import type { Explanation } from '../../explanation.ts'

export const explanation: Explanation = {
  about: [
    `A parent that everybody fetches from must not take more memory the more children it has, nor the longer it serves. One
     daemon, a real process, holds contents of 32 MiB that nobody else has: the supernode is started again with an empty CDN.
     64 children, each a peer with a store, lanes and a control channel of its own, in four processes, fetch
     one content after the other, all at once, over TLS, as children on other machines do. Each content makes 2 GiB; five
     make 10 GiB. \`--rounds\` sets how many.`,
  ],
  ways: { 'at once': 'all 64 children fetch the same content at the same moment, keep it until it is whole and delete it' },
  reading: [
    '`daemon memory`: the most that the daemon had resident at any time; `memory N` is what it had over the time of content N, ten looks a second.',
    '`last / first`: the median over the last content in relation to that over the first; 1 is flat.',
    '`from the daemon`: of all bytes that the children received. They cannot reach each other, so none may be missing.',
  ],
  limits: ['Hosts of their own: 64 children share the cores with the daemon, so it serves no faster than they can take.', 'Lanes without encryption, and libp2p.'],
  plot: [
    {
      title: 'Memory of the daemon while 64 children fetch 2 GiB together, MB',
      bars: [1, 2, 3, 4, 5].map((number) => ({ label: `${number * 2} GiB`, figure: `memory ${number}` })),
      line: { value: 250, label: 'the most that it should have' },
    },
  ],
}

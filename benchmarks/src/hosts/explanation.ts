import type { Explanation } from '../explanation.ts'

export const explanation: Explanation = {
  about: [
    `How near a swarm comes to the least time that is possible where the network is the limit. Twelve hosts and a supernode, each in
     a network namespace of its own, are joined by a switch, with an origin beside the supernode and lines that carry as much each
     way. A hundred MiB go to all twelve at once, with TLS 1.3 between them. It needs root.`,
    `The reference is no program but the least time in which whole pieces can reach everybody over such lines (the discrete
     bound of Mundinger, Weber and Weiss): with 100 pieces 1.03 times what one copy takes from one host to another. How fast
     a line carries a file is measured in the same round, with 16 MiB by \`curl\`.`,
  ],
  ways: {
    'twelve hosts, 100 Mbit/s': 'daemons are asked through their local API; all begin with an empty store',
    'twelve hosts, 25 Mbit/s': 'the same over slower lines, so that a machine of few cores is not the limit',
  },
  reading: [
    '`last peer`, `first peer`: seconds from the start to the moment when the last, the first host had the whole file.',
    `\`discrete bound\`: with the measured rate of a line; \`without headers\`: as if the lines carried nothing but the file,
     which no program over TCP reaches: headers take 5 to 6% of a line.`,
    '`copies from the CDN`: how many times the file left the supernode; 1 is the least.',
    '`CPU`: CPU-seconds of the supernode and the twelve daemons.',
  ],
  limits: [
    'Hosts with processors of their own: all share the cores, which at 100 Mbit/s may be the limit.',
    'Swarms of hundreds, peers that come and go, and lines that differ; [scheduler](#scheduler) simulates those.',
  ],
  plot: [
    {
      title: 'The last of twelve hosts, in relation to the least time that is possible',
      bars: [
        { label: 'lines of 100 Mbit/s', figure: 'twelve hosts, 100 Mbit/s: last peer / discrete bound' },
        { label: 'lines of 25 Mbit/s', figure: 'twelve hosts, 25 Mbit/s: last peer / discrete bound' },
      ],
      line: { value: 1, label: 'bound' },
    },
  ],
}

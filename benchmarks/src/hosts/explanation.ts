import type { Explanation } from '../explanation.ts'

export const explanation: Explanation = {
  about: [
    `How near a swarm comes to the least time that is possible where the network is the limit. Twelve hosts and a supernode, each in
     a network namespace of its own, are joined by a switch, with an origin beside the supernode and lines that carry as much each
     way. A hundred MiB go to all twelve at once, with TLS 1.3 between them. Before, another 32 MiB went to all, since hosts run for
     weeks. It needs root.`,
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
  findings: [
    {
      title: 'What keeps the last of twelve hosts from the bound',
      paragraphs: [
        `At 100 Mbit/s the two cores do. The thirteen programs need about 40 CPU-seconds, at either rate, so that on two cores nothing is
         done before 20 s, twice the bound. Code that ran before does not
         change that: without the earlier 32 MiB it was 41 to 44. In a profile of everything a quarter is the kernel that plays the
         lines, switch and hosts (1.2 GiB in packets of 1.5 KiB through four queues each), an eighth are V8's compilers, a twelfth is switching between processes, a tenth is TLS,
         and the rest is spread over hundreds of functions: a line of 100 Mbit/s that twelve connections share brings a few KiB at a time, and each time the processor's caches were
         another process's. Between two processes the same bytes take 4.6 CPU-seconds for a GiB ([lanes](#lanes)).`,
        `At 25 Mbit/s, where half of the CPU is idle, it is the beginning and the end. Counted twice a second at each line, the CDN sends with 97% of its line from the first piece
         to the last, but the hosts receive with 60 to 80% in the first 15 s, while few pieces are there to exchange, then with 90 to 93%, and with half in the last 4 s. Lines that are full
         keep up to 50 ms of packets, those of the control channels among them, so that an assignment may take 100 ms beside the 350 ms of a piece. The simulator, which knows
         only latency, finds the same: 1.20 times the bound with 1 ms, 1.19 with 20 ms, 1.27 with 50 ms at this rate.`,
        `Tried in the simulator, with seeds 1 to 3: two slots at first in place of one for the CDN gives 1.18 with 1 ms and 1.19 with 50 ms, for everybody 1.16 and 1.17; but where
         children receive faster than a parent sends, as in \`equal\`, the same takes 1.18 and 1.24 times the bound in place of 1.05, and with 100 Mbit/s and 1 ms 1.20 in place of 1.15
         ([0021](decisions/0021-fewest-uploads.md)). Any fixed number is good at one latency alone: 2, 3, 4 and 8 slots give 1.53, 1.30, 1.22 and 1.18 with 100 Mbit/s and 20 ms. Windows of 1 to 4
         assignments made it worse with 50 ms.`,
      ],
    },
  ],
}

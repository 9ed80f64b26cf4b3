import type { Explanation } from '../explanation.ts'

const EQUAL = [32, 100, 1000, 10_000].flatMap((children) => [50, 256].map((pieces) => `N=${children} M=${pieces}`))

export const explanation: Explanation = {
  about: [
    `How near the scheduler comes to the least time that is possible. It runs on a virtual clock in a simulated network, in
     which bytes flow like water and capacity is shared max-min fairly; the [guide](guides/simulator.md) tells what is
     modelled. Scenarios are files in \`scheduler/scenarios/\`, with their goals.`,
    `No scheduler can be faster than the fluid bound (Kumar and Ross 2006) or, where all send equally fast and a piece
     is passed on only when it is whole, the discrete bound (Mundinger, Weber and Weiss 2008).`,
  ],
  ways: {
    cost: '1,000 and 10,000 children of equal upload, 50 pieces, events made by a network that is simpler than the simulator\'s',
    equal: 'N children of equal upload and one source, M pieces; downloads are not limited',
    'mixed-uploads': '1,000 children; 10% cannot send, 20% send at a quarter of the usual rate, 5% at four times of it',
    'come-and-go': '1,000 children that arrive by chance, leave when they are done, die half-way',
    'two-locations': '100 children beside the supernode, 100 behind a thin line',
    'many-tasks': '100 contents with sizes after Zipf, which all of 32 children want at once',
    'bad-peers': '200 children, of which 5% lie, 5% refuse half of all requests, 10% send at a fiftieth of the usual rate',
    'twelve-hosts': '12 hosts and a supernode at 100 Mbit/s each way, 100 MiB',
  },
  reading: [
    'All but the cost is the same on every machine: each round is another seed.',
    `\`cost\` is of the scheduler alone, without an observer: a swarm of 50 pieces in which nothing but uplinks takes time is
     played through, and only the CPU time inside the scheduler counts, garbage collection included. What is told within 4 ms is told together.`,
    `\`twelve-hosts\` takes from 1.145 to 1.174 times the bound by the seed. Downlinks are as thin as uplinks there: when two parents meet at
     one child both are slowed down, and how many uploads at once make up for that is found by trial while 100 pieces are sent.`,
    `\`equal N=10000 M=256\` takes minutes and is left out without \`--large\`; alone it is \`npm run simulate -- equal --run 'N=10000 M=256'\`.`,
    'Counts are shown as `0x`: how often a child was sent to the origin, or how many never got everything.',
  ],
  limits: [
    'TCP: a new flow has its full share at once, and nothing is lost.',
    'The time that hosts need to hash, write and encrypt, and the supernode to decide.',
    'A late piece that a child asks of a second parent near its end.',
  ],
  plot: [
    {
      title: 'Last child in relation to the discrete bound, equal rates',
      bars: EQUAL.map((run) => ({ label: run, figure: `equal ${run}: last / discrete bound` })),
      line: { value: 1, label: 'discrete bound' },
    },
  ],
}

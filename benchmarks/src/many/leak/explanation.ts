import type { Explanation } from '../../explanation.ts'

const AFTER = [200, 500, 1000, 1500, 2000]

export const explanation: Explanation = {
  about: [
    `A server that runs for months must not keep what nobody needs any more. Two thousand contents of 16 KiB, each another
     one, go through one daemon and one supernode, one after the other, from an nginx on loopback. After 200, 500, 1,000,
     1,500 and 2,000 downloads both are told to collect their garbage, several times, and say what they have resident then.`,
    `Something may grow: both keep every content and can be asked for it at any time, so that each adds a record of some
     kilobytes. What must not stay is what a download needs while it goes on.`,
  ],
  ways: { 'in a row': 'two thousand downloads, the next when the last has ended and was released' },
  reading: ['`after N`: resident after so many downloads and a forced collection; `heap`: what of it are objects of the program.'],
  limits: ['Leaks that take more than two thousand downloads to be seen, and those of what does not happen here, such as lost connections.'],
  plot: (['dfdaemon', 'supernode'] as const).map((server) => ({
    title: `Memory of the ${server === 'dfdaemon' ? 'daemon' : 'supernode'} after so many downloads, MB`,
    bars: AFTER.map((count) => ({ label: `${count}`, figure: `${server} after ${count}` })),
  })),
}

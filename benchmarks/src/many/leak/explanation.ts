import type { Explanation } from '../../explanation.ts'

const AFTER = [200, 500, 1000, 1500, 2000]

export const explanation: Explanation = {
  about: [
    `A server that runs for months must not keep what nobody needs any more. Two thousand downloads of 160 KiB, too much to
     travel inside an answer, go through one daemon and one supernode, one after the other, from an nginx on loopback. After 200,
     500, 1,000, 1,500 and 2,000 downloads both are told to collect their garbage, several times, as thoroughly as
     V8 can, and say what they have resident then.`,
  ],
  ways: {
    again: `200 contents in turns; the daemon deletes each when it was downloaded, so that the next time it is asked for,
     the supernode is asked too, and the piece fetched and stored again`,
    more: '2,000 contents; both servers keep all of them and can be asked for each at any time, so both need a record of each',
  },
  reading: [
    '`after N`: resident after so many downloads and a forced collection, in `again`; `heap`: what of it are objects of the program.',
    '`with 2,000 contents / with 200` and `heap for each content`: of `more`. This is no leak but what it takes to know a content.',
  ],
  limits: ['Leaks that take more than two thousand downloads to be seen, and those of what does not happen here, such as lost connections.'],
  plot: (['dfdaemon', 'supernode'] as const).map((server) => ({
    title: `Memory of the ${server === 'dfdaemon' ? 'daemon' : 'supernode'} after so many downloads, MB`,
    bars: AFTER.map((count) => ({ label: `${count}`, figure: `${server} after ${count}` })),
  })),
  findings: [
    {
      title: 'What was found',
      paragraphs: [
        `A timer of each finished download, which armed itself for ever, kept 15 KB of it. It is gone. And the
         supernode kept room for 128 decisions of its scheduler for every content, however small; now for 16.`,
        `What a content takes in the supernode, about 16 KB, is spread over some forty small objects and arrays, most of them empty
         while nobody fetches it: sets of members and pieces in the scheduler, the swarm, the CDN and its store.`,
      ],
    },
  ],
}

import type { Explanation } from '../explanation.ts'

export const explanation: Explanation = {
  about: [
    `Not about Damselfly but about the other figures: whether warming memory before each way, as described above, does its
     job. The reference alone, 512 MiB by \`curl\` and \`openssl dgst\`, after ten seconds in which nothing happens, so that
     a virtual machine gives its free memory back.`,
  ],
  ways: {
    'as found': 'the download at once',
    warmed: 'a scratch file of 1 GiB is written and deleted until that gets no faster, then the download',
  },
  reading: ['`slowest / fastest`: of all rounds; 1 would be no spread at all.'],
  limits: ['Machines that keep their memory: there both ways take the same time.'],
  plot: [
    {
      title: 'The same download, seconds',
      bars: [
        { label: 'memory as found', figure: 'as found' },
        { label: 'memory warmed', figure: 'warmed' },
      ],
    },
  ],
}

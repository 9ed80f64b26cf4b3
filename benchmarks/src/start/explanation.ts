import type { Explanation } from '../explanation.ts'

export const explanation: Explanation = {
  about: [
    `What somebody waits for who wants a small file. Each way is a whole process, from its start to its end, or of a server until it says that it
     is ready, one after the other in each round with the same Node.js that does nothing. The programs run as installed: by their launchers and from
     their bundles, with compiled code kept from the round that warms up.`,
    'The API is asked by a client in one process over connections that it keeps, for a file that the daemon holds.',
  ],
  ways: {
    'bare Node.js': '`node -e 0`',
    version: '`dfget --version`',
    '1 KiB': '`dfget` of one KiB that the daemon holds',
    '1 MiB': 'the same of one MiB',
    '1 KiB alone': '`dfget --no-daemon` of one KiB from the origin, by a peer that it makes and removes',
    dfdaemon: '`dfdaemon` without a supernode, until it is ready',
    supernode: '`supernode`, until it is ready',
  },
  reading: [
    '`... / bare Node.js`: wall time in relation to `node -e 0` in the same round.',
    '`API, downloads`, `API, median`: one request for each download, four at a time, and how long one takes.',
    '`API, origin requests`: how often the daemon asked the origin meanwhile whether the file has changed; once in 5 s is what it should.',
  ],
  limits: ['A first start: then nothing is in the page cache, and no compiled code is kept.'],
  plot: [
    {
      title: 'Wall time in relation to a Node.js that does nothing',
      bars: [
        { label: 'dfget --version', figure: 'version / bare Node.js' },
        { label: 'dfget, 1 KiB held', figure: '1 KiB / bare Node.js' },
        { label: 'dfget, 1 MiB held', figure: '1 MiB / bare Node.js' },
        { label: 'dfget, 1 KiB alone', figure: '1 KiB alone / bare Node.js' },
        { label: 'dfdaemon ready', figure: 'dfdaemon / bare Node.js' },
        { label: 'supernode ready', figure: 'supernode / bare Node.js' },
      ],
      line: { value: 1, label: 'node -e 0' },
    },
  ],
}

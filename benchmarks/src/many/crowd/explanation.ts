import type { Explanation } from '../../explanation.ts'

export const explanation: Explanation = {
  about: [
    `A job scheduler starts a thousand tasks on a host, and each wants a small file. One thousand files of 1 to 64 KiB, as
     many of each length, are asked of one daemon at the same moment, each over a connection of its own to its socket, by
     the client that \`dfget\` uses. Supernode, daemon and nginx run as real processes with the settings that they have by
     default; daemon and supernode are new in each round and have brought a hundred other contents before.`,
  ],
  ways: {
    reference: '`curl -Z` with 300 connections, the most that it takes, then `openssl dgst -sha256` of all files',
    cold: 'the thousand files, which nobody has: origin, CDN, daemon',
    warm: 'the same thousand files again, which the daemon holds',
  },
  reading: [
    '`succeeded`: downloads whose content is the original, byte for byte, of a thousand; in no round may one fail.',
    '`p50`, `p99`: of the times of single downloads, counted from the moment when all were asked for.',
    '`daemon memory`: the most that the daemon had resident at any time of any round, ten looks a second.',
  ],
  limits: [
    `The callers: one process stands for all of them, and its work counts in the wall time. A thousand \`dfget\` would take
     their own time to start.`,
    'What callers do with the content: it stays in the daemon’s store, where it is compared with the original.',
  ],
  plot: [
    {
      title: 'A thousand small files at once, seconds until the last',
      bars: [
        { label: 'curl + openssl dgst', figure: 'reference wall' },
        { label: 'cold', figure: 'cold wall' },
        { label: 'warm', figure: 'warm wall' },
      ],
    },
  ],
  findings: [
    {
      title: 'What made some fail',
      paragraphs: [
        `A unix socket refuses whoever comes when too many already wait to be accepted, 511 with the default of Node.js; the daemon
         now asks for room for 4,096, and clients that find none try again. And clients took a daemon that said nothing for six
         seconds for one that hangs; a busy one now has the time to answer.`,
      ],
    },
    {
      title: 'Where the time goes',
      paragraphs: [
        `A cold download takes 3 to 4 milliseconds of the daemon and 3 of the supernode, spread so thinly that no part
         of it stands out: files that are created, an index that is written, an answer and a manifest that are checked, an
         identity that signs. Downloads of a crowd begin 64 at a time, which keeps the memory of those that wait small. With
         \`--max-semi-space-size=8\` for V8 the daemon took 240 MB instead of 310.`,
      ],
    },
  ],
}

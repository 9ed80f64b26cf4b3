import type { Explanation } from '../explanation.ts'

const SHARE_NOTE = 'The origin, or the seeder, has to send the file once; with eight peers at most 87.5% can come from peers.'

export const explanation: Explanation = {
  about: [
    `How we compare with BitTorrent, which was made for this. Eight peers start at the same moment and want the same file.
     With aria2 a seeder has it, and a small tracker tells them of each other. With us a supernode has nothing yet and
     fetches it from nginx, once; eight daemons wait, and eight \`dfget\` are started.`,
    `Both write to the same disk, both check each piece before they pass it on (aria2 by SHA-1, we by SHA-256), both stay
     when they are done. Pieces have 1 MiB in both. aria2 runs with settings that favour it here: an address of its own for
     each peer, a tracker that is asked every second, no preallocation, no DHT and no local discovery.`,
  ],
  ways: {
    unlimited: 'no limits; the machine is the limit',
    limited: 'everybody uploads at most 16 MiB/s, the seeder and the CDN too',
    encrypted: 'no limits; aria2 encrypts with RC4, unauthenticated, we with TLS 1.3',
  },
  reading: [
    '`last peer`: seconds from the start to the moment when the last of the eight had the whole file.',
    `\`CPU\`: CPU-seconds of all that took part until then: with aria2 seeder and eight peers, with us nginx, supernode, eight
     daemons and eight \`dfget\`. Ours includes fetching the file from the origin, and copying it from each daemon's store to
     the output; aria2 has nothing like it.`,
    `\`share from peers\`: of all bytes that the eight received, those that they received from each other. ${SHARE_NOTE}`,
  ],
  limits: [
    'Hosts and links of their own: all peers share the cores, so without limits the CPU decides.',
    'BitTorrent clients other than aria2.',
    'Swarms of hundreds, peers that come and go, and links that differ.',
  ],
  plot: [
    {
      title: 'The last of eight peers, in relation to aria2',
      bars: [
        { label: 'unlimited', figure: 'last peer / aria2, unlimited' },
        { label: 'limited to 16 MiB/s', figure: 'last peer / aria2, limited' },
        { label: 'encrypted', figure: 'last peer / aria2, encrypted' },
      ],
      line: { value: 1, label: 'aria2' },
    },
    {
      title: 'CPU-seconds of all that took part, in relation to aria2',
      bars: [
        { label: 'unlimited', figure: 'CPU / aria2, unlimited' },
        { label: 'limited to 16 MiB/s', figure: 'CPU / aria2, limited' },
        { label: 'encrypted', figure: 'CPU / aria2, encrypted' },
      ],
      line: { value: 1, label: 'aria2' },
    },
  ],
}

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
    `Then twelve hosts and a supernode, each in a network namespace of its own, are joined by a switch, with an origin beside the
     supernode and lines that carry 100 Mbit/s each way. Here the reference is no program but the least time in which whole
     pieces can reach everybody over such lines (the discrete bound of Mundinger, Weber and Weiss): with 100 pieces 1.03 times
     what one copy takes from one host to another, which is measured in the same round. It needs root.`,
  ],
  ways: {
    unlimited: 'eight peers, no limits; the machine is the limit',
    limited: 'eight peers, everybody uploads at most 16 MiB/s, the seeder and the CDN too',
    encrypted: 'eight peers, no limits; aria2 encrypts with RC4, unauthenticated, we with TLS 1.3',
    'twelve hosts, 100 Mbit/s': '100 MiB to twelve hosts, TLS 1.3 between them, daemons asked through their local API',
    'twelve hosts, 25 Mbit/s': 'the same over slower lines, so that a machine of few cores is not the limit',
  },
  reading: [
    '`last peer`: seconds from the start to the moment when the last one had the whole file.',
    `\`CPU\`: CPU-seconds of all that took part until then: with aria2 seeder and eight peers, with us nginx, supernode, eight
     daemons and eight \`dfget\`. Ours includes fetching the file from the origin and starting the eight \`dfget\`; starting
     aria2's eight peers is in both of its figures, starting our daemons in neither of ours. Each peer writes the file once.`,
    `\`share from peers\`: of all bytes that the eight received, those that they received from each other. ${SHARE_NOTE}`,
    `\`discrete bound\`: with the measured time of one copy; \`without headers\`: as if the lines carried nothing but the file,
     which no program over TCP reaches: headers take 5 to 6% of a line.`,
    '`copies from the CDN`: how many times the file left the supernode; 1 is the least.',
  ],
  limits: [
    'Hosts with processors of their own: all peers share the cores, so without limits the CPU decides, and with twelve hosts it may.',
    'BitTorrent clients other than aria2.',
    'Swarms of hundreds, peers that come and go, and links that differ.',
  ],
  findings: [
    {
      title: 'Eight processes on two cores: where the time went',
      paragraphs: [
        `Without limits both processors are busy from the start to the end, so that CPU-seconds decide when the last peer is done.
         A third of ours went into handing reads and writes to the thread pool. A process that loses its processor in the
         middle of a write sees a disk that takes 5 to 120 ms; one answer in twenty does, and an average of milliseconds took
         that for a slow disk. Counting slow answers instead took our total from 18 to 11.5 CPU-seconds and the last peer from 10.5 to
         6.6 s, and when it was tried again later from 25 to 16 CPU-seconds and from 17 to 9 s; aria2 took 8 to 9 CPU-seconds and 6.5 to 9 s. All
         this on a machine that others used too ([0016](decisions/0016-disk-in-place.md)).`,
        `Of what is left in a daemon 36% are work on bytes (SHA-256, reading and writing file and sockets), 20% V8's
         compilers and garbage collector, and the rest code that runs for the first few hundred times. A daemon that has
         moved 128 MiB before needs about half a CPU-second less for the next file than for its first; aria2 is compiled ahead. That is what
         keeps us from 0.8 times its CPU-seconds with files of this size.`,
        `Each piece costs a child about 1.2 ms beside its bytes while the code is cold: pieces of 4 MiB in place of 1 MiB made the
         same swarm 15% cheaper, while the thread pool was still in use. Pieces stay small all the same, since over real lines the last peer waits for the last
         piece. Of the messages a third was news of digests, which nobody waited for; they are gathered for 250 ms now.`,
        `Tried in vain: larger young generations, no concurrent marking, no Maglev, baseline code from the start, feedback from the
         start (all of them equal or worse). V8 with Maglev as its last compiler was a tenth cheaper in the one run in which
         it was tried.`,
      ],
    },
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

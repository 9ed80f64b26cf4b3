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
    unlimited: 'eight peers, no limits; the machine is the limit',
    limited: 'eight peers, everybody uploads at most 16 MiB/s, the seeder and the CDN too',
    encrypted: 'eight peers, no limits; aria2 encrypts with RC4, unauthenticated, we with TLS 1.3',
  },
  reading: [
    '`last peer`: seconds from the start to the moment when the last one had the whole file.',
    `\`CPU\`: CPU-seconds of all that took part until then: with aria2 seeder and eight peers, with us nginx, supernode, eight
     daemons and eight \`dfget\`. Ours includes fetching the file from the origin and starting the eight \`dfget\`; starting
     aria2's eight peers is in both of its figures, starting our daemons in neither of ours. Each peer writes the file once.`,
    `\`share from peers\`: of all bytes that the eight received, those that they received from each other. ${SHARE_NOTE}`,
  ],
  limits: [
    'Hosts with processors of their own: all peers share the cores, so without limits the CPU decides.',
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
         start (all of them equal or worse). V8 without TurboFan and with Maglev after 150 calls took 0.83, 0.92, 0.92 and 1.21
         times the CPU-seconds of the same swarm as it is, in four pairs of runs; with TurboFan left for code that is called
         20,000 times, 0.95 and 1.10 times. That is too little, and too uncertain, to change how the whole process is compiled.`,
        `Letting all daemons bring 64 MiB of another file first was tried too, in three pairs of runs on a machine that others used. Their time outside the
         kernel fell from 8.5, 9.3 and 12.7 to 7.5, 7.3 and 8.3 CPU-seconds, but that within it rose from 3.4, 3.7 and 4.2 to 7.5, 8.7 and 5.5: copying into the
         page cache had 10% of a profile in place of 3%, probably because that memory had been given back to the host. Warm code would be worth a tenth or more
         of the whole, but not here.`,
      ],
    },
    {
      title: 'Why a limit of 16 MiB/s costs more than none',
      paragraphs: [
        `With the limit our last peer is done sooner than aria2's, and near the 16 s that a line of that rate needs for one
         copy; but our CPU-seconds rise from 13 to 24, while aria2's stay at 9. It is not the work: counted by \`perf\`, a daemon
         reads its sockets 2,459 times in place of 1,974, writes 1,848 times in place of 1,194 and writes its file as often as without a
         limit. But it waits for events 4,480 times in place of 957: without a limit each look brings two events or three, since
         the processors are behind, while with it nearly every event wakes a process that slept for 5 ms while eight others had
         its cache. A wake-up so costs a third of a millisecond, nearly all of it JavaScript, its built-in functions and
         garbage collection, over hundreds of functions of which none takes more than 2%. The timer of the limit itself takes a
         twentieth of a daemon's time. aria2's code for the same loop fits into that cache.`,
        `To send more at a time was tried, each way in pairs with the limiter as it is, on a machine that others used too, so
         that the same swarm took 19 to 26 CPU-seconds as it is. Portions of 50 ms in place of 10 while at most eight children wait, sent in one turn: half as many
         switches of the process (1,470 to 1,940 for each daemon in place of 2,850 to 3,560), 0.89, 0.95 and 1.19 times the CPU-seconds, and the last peer a
         second later. A round of 65 ms divided among those who wait: as they are five or six as a rule, 0.83 and 1.04 times. Sleeping until 65 ms of rate may
         pass and then giving everybody a portion of 20 ms at once: 0.76, 0.80 and 0.85 times, the last peer as soon as before. But then everybody gets
         the same in each turn, whatever a task's share is: one task beside another with nine children had 0.7 of its half, so that it was not
         kept. It would need a limiter that gives several portions to one who waits, and never holds back what it has given.`,
        `Halving the switches so saves far less than half: most of what the limit costs is spread over the code of the whole program, at 5 to 6
         children at once for each parent, in portions that are looked at one by one at both ends. The limit keeps that work small and even, a hundred portions a second for each
         daemon ([0020](decisions/0020-rate-limits.md)). On hosts of their own, where a peer has its core and its cache for itself, there are not nine others to evict it.`,
        `A lane without encryption takes 2.6 CPU-seconds for a GiB at best ([lanes](#lanes)), and eight peers are 2 GiB: 5.3 CPU-seconds for hashing, writing
         and sending alone, two thirds of what aria2 takes for everything. What is left to 0.8 times does not pay for what fetches the file from the origin,
         decides, and starts eight \`dfget\`: those
         took 2.2 to 4.3 CPU-seconds and 0.8 to 2.5.`,
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
  ],
}

import type { Explanation } from '../explanation.ts'

export const explanation: Explanation = {
  about: [
    `What a download through Damselfly takes compared with a plain one. One file of 512 MiB comes from an nginx on
     loopback, which sends it from the page cache. Supernode, three daemons and nginx run all the time as real processes
     with the settings that they have by default; daemons and supernode are new in each round and have
     brought a smaller file before, as those of a host have that runs for weeks. Within one machine
     the default is lanes without encryption; between machines lanes are encrypted, so that is measured too.`,
  ],
  ways: {
    reference: '`curl -o`, then `openssl dgst -sha256` of the output: a download that is checked',
    aria2: '`aria2c` with four connections, then `openssl dgst -sha256`',
    cold: '`dfget` through one daemon, of a file that nobody has: origin, CDN, daemon, output',
    warm: '`dfget` through a second daemon, of the same file: from the first daemon, a peer',
    'cold encrypted': 'the same as cold with a daemon that takes only encrypted lanes, `security: tls`',
    'warm encrypted': 'the same as warm between two such daemons',
    three: '`dfget` through all three daemons at once, of a file that nobody has',
  },
  reading: [
    '`cold / reference` and the like: wall time, from the start of the process to its end; with three peers, that of the last.',
    `\`cold CPU / reference\` and the like: CPU-seconds of everything that took part, nginx included, in relation to those of
     curl, openssl and nginx. Three peers make three copies, so 3 would be the price of the reference.`,
    '`... CPU`: CPU-seconds of each program over one way.',
    '`... origin bytes`: body bytes that nginx logged, in relation to the file.',
    '`... share from peers`: of all bytes that the daemons received.',
  ],
  limits: [
    `\`--digest\`. Each piece is compared with the digest that the supernode gave for it; with \`--digest\` the whole would be
     hashed once more.`,
    `Hosts of their own. All processes share the cores here, so a cold download takes at least the sum of its CPU-seconds
     divided by the cores, while origin, supernode and daemon would each have a host of their own.`,
    'Links slower than loopback, where waiting for the network would hide most of the work.',
    'Disks without room in the page cache.',
  ],
  plot: [
    {
      title: 'Wall time in relation to curl + openssl dgst',
      bars: [
        { label: 'aria2, four connections', figure: 'aria2 / reference' },
        { label: 'cold', figure: 'cold / reference' },
        { label: 'warm', figure: 'warm / reference' },
        { label: 'cold, encrypted lanes', figure: 'cold encrypted / reference' },
        { label: 'warm, encrypted lanes', figure: 'warm encrypted / reference' },
        { label: 'three cold, the last', figure: 'three cold, last / reference' },
      ],
      line: { value: 1, label: 'curl + openssl dgst' },
    },
    {
      title: 'CPU-seconds of all that took part, in relation to curl + openssl dgst',
      bars: [
        { label: 'aria2, four connections', figure: 'aria2 CPU / reference' },
        { label: 'cold', figure: 'cold CPU / reference' },
        { label: 'warm', figure: 'warm CPU / reference' },
        { label: 'cold, encrypted lanes', figure: 'cold encrypted CPU / reference' },
        { label: 'warm, encrypted lanes', figure: 'warm encrypted CPU / reference' },
        { label: 'three cold', figure: 'three CPU / reference' },
      ],
      line: { value: 1, label: 'curl + openssl dgst' },
    },
  ],
}

import type { Explanation } from '../explanation.ts'

export const explanation: Explanation = {
  about: [
    `What it costs to fetch a content from its origin once, for many. The supernode and nginx are real processes with the settings
     that they have by default; the supernode is new in each round and has brought a smaller content before. Children are light: they
     speak with the supernode over real channels, as many identities in one process, and keep nothing.`,
    `Hits and fetches are of 1 GiB from nginx. The crowd's origin is one of our own, which sends as fast as a line of 1 Gbit/s would carry: on loopback a piece of 4 MiB takes two milliseconds, in which 100 children have not even been heard.`,
  ],
  ways: {
    reference: '`curl -o` from nginx, then `openssl dgst -sha256`',
    fetch: 'the supernode fetches the same file, for a child that takes nothing; until all of it is stored and its manifest is signed',
    'nginx plain': 'the file from nginx into the memory of a Node.js process, by our HTTP client, which is what a peer uses that goes to the origin; hashed as it comes, and compared with its SHA-256',
    'hit plain': 'the file from the CDN into the memory of the same process, by a plain lane; each piece hashed as it comes, and compared with its SHA-256',
    'nginx TLS': 'as `nginx plain`, over TLS 1.3 with AES-128-GCM',
    'hit TLS': 'as `hit plain`, by a direct lane, which is TLS 1.3 with AES-128-GCM too',
    'nginx plain, unchecked': 'as `nginx plain`, but nobody looks at the bytes',
    'hit plain, unchecked': 'as `hit plain`, but nobody looks at the bytes: the sending sides alone',
    'curl first': '`curl -r` for the first piece from the paced origin, from the start of the process to its end',
    'curl limited': '`curl` for 256 MiB from an origin that gives no connection more than 40 MB/s',
    limited: 'the supernode fetches the same, over as many connections as make it faster, four at most',
    crowd: '100 children ask at the same moment for 1 GiB at the paced origin, which nobody has, and take what they are offered at once',
  },
  reading: [
    '`first piece offered / curl`: from the question to the moment when a child has been assigned the first piece, which is stored and has its digest then.',
    '`hit throughput / nginx`: how fast the same process has the file in memory and knows that it is right, from each; more is better. `unchecked`: has it there, right or not, which no peer ever takes a piece for.',
    '`fetch CPU / reference`: CPU-seconds of the supernode alone in relation to those of curl and openssl.',
    '`supernode memory`: the most that it has had resident in any round; with a size, while it fetched a content of that size. `--large` takes 20 GiB.',
    '`start with ... contents`: from the start of the program until it is ready, with a store that holds so many; a million with `--large`. Files and contents are compared after that, in the background.',
    '`page of ... contents`: until a page of a hundred has come from the management API, in the order that takes longest, at the beginning of the list and deep in it; right after the start, but for the very first page in each order.',
    '`memory of ... contents`: what the supernode has resident after that beyond one that holds nothing.',
    '`longest silence in evictions`: how long `/healthz` took at most, asked again and again while an eighth of the contents are deleted to make room.',
  ],
  limits: [
    'Stores whose table of tasks is lost: the whole index is read then, once.',
    'Hosts of their own: origin, supernode and children share the cores.',
    'What children do with pieces: disks, hashes and lanes of 100 real ones are in [first](#first), [children](#children) and [swarm](#swarm).',
    'Origins without ranges.',
  ],
  findings: [
    {
      title: 'Twenty GiB, and a million contents',
      paragraphs: [
        `The figures above are of a run with \`--large\` on a machine with other work to do, at a higher priority than that: ratios and memory hold, times are longer than they have to be. 20 GiB came in
         100.9 s, with 195 MB resident at most; on a quiet machine, at 7022b15, in 80.6 s. A supernode that holds a million contents was ready after 1.97 s, after a kill 2.73 s (quiet: 1.19 s and
         1.26 s), with 184 bytes resident for each. A page of a hundred took 128 ms in the slowest order, right after the start and deep in the list (quiet: 74 ms), where 50 ms is the goal.
         Since then the rows of the table are passed over by plain numbers, and files are compared with contents in small steps: on a machine as busy, pages took 63 and 79 ms right after the start,
         in two runs, with the very first ones that still compile, and 47 ms at most from five seconds on. Making room for an eighth of a million took 39.8 s; the API was
         silent for 178 ms at most meanwhile.`,
      ],
    },
    {
      title: 'What a plain hit costs',
      paragraphs: [
        `A child takes no piece for right before its SHA-256 has been compared, so that both ways are compared that far: bytes in memory, and checked. Without the check the ratio is that of the
         sending sides: nginx has the kernel send the file (\`sendfile\`), which Node.js does not offer, for 0.2 to 0.5 CPU-seconds; the supernode reads it into its memory and writes it to the
         socket, for 0.7 to 0.9, of which 62% are the kernel's. What it sends is still in the processor's cache, so that the receiver needs less: 0.3 to 0.45 CPU-seconds, and 0.5 to 0.65 from nginx.`,
        `That is near what Node.js can do: a bare server, which reads a file into a few buffers and writes them to a socket, took 0.70 to 1.2 s for 1 GiB, and nginx 0.72 to 1.1 s, to the same bare
         client, in turns, with 0.5 to 0.7 CPU-seconds at the server. Reading ahead by Node.js's own threads made it slower (0.9 to 1.5 s), larger portions than 512 KiB no faster.
         With portions of 256 KiB, as before, the ratio without the check was 0.48.`,
      ],
    },
  ],
  plot: [
    {
      title: 'From the CDN or from nginx into the memory of one process, MB/s',
      bars: [
        { label: 'nginx, plain', figure: 'nginx plain throughput' },
        { label: 'CDN, plain lane', figure: 'hit plain throughput' },
        { label: 'nginx, TLS', figure: 'nginx TLS throughput' },
        { label: 'CDN, direct lane (TLS)', figure: 'hit TLS throughput' },
      ],
    },
    {
      title: 'Fetching 1 GiB, CPU-seconds',
      bars: [
        { label: 'curl + openssl dgst', figure: 'reference CPU' },
        { label: 'supernode', figure: 'fetch CPU' },
      ],
    },
    {
      title: 'The first piece of 4 MiB over 1 Gbit/s, milliseconds',
      bars: [
        { label: 'curl', figure: 'first piece by curl' },
        { label: 'offered to the first of 100', figure: 'first piece offered to the first' },
        { label: 'offered to the last of 100', figure: 'first piece offered to the last' },
      ],
    },
  ],
}

import type { Explanation } from '../explanation.ts'

export const explanation: Explanation = {
  about: [
    `What it costs to carry a content from one peer to another, for each kind of lane. Two real processes use the exchange
     package as daemons do: a piece server with its store on the disk, a lane, and a second store, which hashes each piece
     (SHA-256) while it writes it and records it. 1 GiB in pieces of 4 MiB, four requests open at a time, on loopback.`,
    `The reference does the same work with other tools: nginx sends the file, \`curl\` writes it, \`openssl dgst -sha256\`
     reads it again.`,
  ],
  ways: {
    reference: '`curl -o` from nginx, then `openssl dgst -sha256`; sender is nginx, receiver the two others',
    plain: 'TCP without encryption, both ends proved by a handshake',
    direct: 'TLS 1.3; AES-128-GCM where the processor has AES instructions, ChaCha20-Poly1305 elsewhere',
    libp2p: 'Noise (ChaCha20-Poly1305) and yamux over TCP',
    'stock libp2p': `two nodes of js-libp2p with the TCP, Noise and yamux of its documentation and nothing but defaults: blocks of
     256 KiB over one stream, waiting for \`drain\` when \`send\` says so, counted at the other end; no disk, no hash`,
    'raw TCP': 'two Node.js processes with `net` and `onread`; no disk, no hash: what moving bytes costs at least',
  },
  reading: [
    '`... CPU / reference`: CPU-seconds of both ends in relation to those of nginx, curl and openssl.',
    '`libp2p throughput / stock libp2p`: ours with store and hash, theirs without.',
    '`openssl ...`: what one core does with blocks of 64 KiB; the least that hashing and encrypting cost.',
    '`... peak RSS`: the most that an end has held, over all rounds and kinds of lanes.',
  ],
  limits: [
    'Several parents or children at once, networks slower than loopback, and packets that are lost.',
    'Disks: everything is read from and written to the page cache.',
    'Processors without instructions for AES or SHA.',
  ],
  findings: [
    {
      title: 'Where the CPU goes',
      paragraphs: [
        `Shares of each end's CPU time, from profiles by \`perf\` on a machine that others used too; the shares of the kernel include
         what it does for the other end of a loopback connection.`,
        `**plain**: the sender spends 35% in the kernel's TCP, 22% reading the page cache, 30% in JavaScript and V8, the rest
         in Node.js and in waking up. The receiver spends 41% in SHA-256, 20% writing to the page cache, 7% receiving, 15%
         in JavaScript and V8. Copying in user space takes less than 2%, the garbage collector less than half a percent.`,
        `**direct**: the sender spends 27% in AES-128-GCM, 14% in TCP, 11% copying (Node.js joins the parts of a write before
         it encrypts them), 10% reading the page cache, 20% in JavaScript and V8. The receiver spends 22% in SHA-256, 12%
         in AES, 12% writing to the page cache, 10% receiving, 16% in JavaScript and V8, 6% copying (out of OpenSSL, then
         into the portions that are written).`,
        `**libp2p**: the sender spends 19% in ChaCha20-Poly1305, 12% in TCP, 6% reading the page cache, 35% in JavaScript and V8,
         mostly the lists and events of libp2p's layers for each record of 64 KiB, and 2% in garbage collection. The
         receiver spends 26% writing to the page cache, 16% in SHA-256, 11% in the cipher, 25% in JavaScript and V8,
         6% copying (Node.js copies what a cipher opened once more; then into the portions that are written).`,
      ],
    },
    {
      title: 'Why the rest cannot be saved',
      paragraphs: [
        `SHA-256 once, the cipher at both ends, one copy into the page cache and one out of it, and two through the kernel's TCP are
         what the task is; \`raw TCP\` and \`openssl\` above say what they cost at least. Kernel TLS would save the
         direct lane's copies but cannot be reached from Node.js, nor can \`sendfile\` for the plain one. Of libp2p's
         layers only TCP and the primitives of Noise are ours ([why](decisions/0017-libp2p-for-bulk.md)).`,
        `ChaCha20-Poly1305 instead of AES-128-GCM costs a direct lane about a twelfth more here, AES-256-GCM a twentieth.`,
      ],
    },
    {
      title: 'Where libp2p was made cheaper, and what a second thread brings',
      paragraphs: [
        `The sender gathers what it writes in one turn, up to 1 MiB, into one frame of yamux, since each is answered by a window
         update: a record, a write and a wake-up of its own. 256 MiB through a whole lane in sixteen turns took 0.99 s and 1.44 CPU-seconds
         in place of 1.17 s and 1.57 (lower quartiles). Of what a receiver still does 16% are SHA-256, 13% the cipher, 21% the kernel,
         and 34% JavaScript and V8, in which nothing takes more than 2%.`,
        `Hashing and writing in another thread, as the supernode does, was tried for peers: with both ends on two cores it made
         plain lanes and libp2p slower and every kind dearer ([0018](decisions/0018-writing-thread.md)).`,
      ],
    },
    {
      title: 'Memory',
      paragraphs: [
        `While 10 GiB moved, resident memory stayed where it was after the first: 160 MB at the parent and 135 MB at the child for
         plain lanes, 166 and 140 to 153 MB for direct ones, 145 to 172 and 147 to 177 MB for libp2p, of which the
         programs themselves, run from their sources, take most. The live heap stayed at 21 to 29 MB. After the first
         GiB neither end collected its whole heap more than once.`,
      ],
    },
  ],
  plot: [
    {
      title: 'CPU of both ends in relation to nginx + curl + openssl',
      bars: [
        { label: 'plain', figure: 'plain CPU / reference' },
        { label: 'direct (TLS)', figure: 'direct CPU / reference' },
        { label: 'libp2p (Noise)', figure: 'libp2p CPU / reference' },
      ],
      line: { value: 1, label: 'nginx + curl + openssl' },
    },
    {
      title: 'Throughput, MB/s',
      bars: [
        { label: 'nginx + curl + openssl', figure: 'reference throughput' },
        { label: 'plain', figure: 'plain throughput' },
        { label: 'direct (TLS)', figure: 'direct throughput' },
        { label: 'libp2p (Noise)', figure: 'libp2p throughput' },
        { label: 'stock libp2p', figure: 'stock libp2p throughput' },
        { label: 'raw TCP', figure: 'raw TCP throughput' },
      ],
    },
  ],
}

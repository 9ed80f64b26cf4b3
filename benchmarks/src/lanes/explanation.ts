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

import type { Explanation } from '../explanation.ts'

export const explanation: Explanation = {
  about: [
    `What a pull through the mirror of a daemon costs beside a pull from the registry itself, by the same client: skopeo, which copies an image into a
     folder. The registry is Debian's docker-registry; it, the supernode and two daemons run on one machine. Each round begins with empty stores, and with another image that both nodes pull, as nodes that run for weeks have done. One image
     has twelve layers of 25 MiB, the other forty of 256 KiB; all bytes are random.`,
    'The first byte and the `HEAD` are measured without a tool, over a connection that is kept; a tag is remembered for no time.',
  ],
  ways: {
    'large, many direct': 'skopeo pulls the image of 12 large, of 40 small layers from the registry',
    'large, many cold': 'the same through the mirror of a daemon when nobody has the image',
    'large, many second': 'the same through another daemon after that',
    'first byte direct, cold': 'GET of a blob of 4 MiB that nobody has pulled, until its first byte; the median of ten',
    'HEAD direct, mirror': 'HEAD of a manifest by its tag; the median of thirty',
    'one node, eight nodes': 'skopeo pulls on one host, on eight at once, each through the daemon of its host; before, on one of them from the registry',
    '200 at once': 'blobs of 10 kB through the mirror of a daemon that has none of them',
  },
  reading: [
    '`blobs from the registry`: body bytes of its answers to GET, by its own log.',
    `\`one node\`, \`eight nodes\`: the registry, the supernode and each node have a network namespace and a line of their own; but for eight nodes at 100 Mbit/s the
     layers are a quarter as large. All pull another image first. \`CPU\` is that of the supernode and the daemons.`,
    `Without such lines (\`large\`, \`many\`) nothing but the processors limits a pull, which two programs more share then. The goal of 1.1 is met only where there are
     processors to spare, or a line is slower: on two cores the large image through two nginx caches in a row, which hash nothing, took 1.08 to 1.36 times as long as directly.`,
    `Eight nodes at 100 Mbit/s have nine of our programs and eight tools on two cores: they take as long as the sum of \`CPU\` and \`CPU of the tools\` over the cores at least,
     whatever the lines could carry. At 25 Mbit/s the lines are the limit.`,
    '`daemon memory`: the most that a daemon had in memory over the whole round.',
  ],
  limits: [
    'The network, but for the eight nodes: between programs of one machine nothing is won by fetching from near, and all share the cores.',
    'What a tool does with an image when it has it: unpacking takes longer than pulling does here.',
  ],
  plot: [
    {
      title: 'Time to pull through the mirror, in relation to the registry itself',
      bars: [
        { label: '12 large layers, first node', figure: 'large: cold node / direct' },
        { label: '12 large layers, second node', figure: 'large: second node / direct' },
        { label: '40 small layers, first node', figure: 'many: cold node / direct' },
        { label: '40 small layers, second node', figure: 'many: second node / direct' },
        { label: 'one node, 100 Mbit/s', figure: 'one node, 100 Mbit/s: last node / one direct' },
        { label: 'last of eight nodes, 25 Mbit/s', figure: 'eight nodes, 25 Mbit/s: last node / one direct' },
      ],
      line: { value: 1, label: 'direct' },
    },
  ],
}

import type { Explanation } from '../explanation.ts'

export const explanation: Explanation = {
  about: [
    `Not a claim but a warning. It takes a minute or two and compares its ratios of CPU-seconds with those that were saved
     last: one that is more than 1.5 times as large misses its limit. That much is more than noise, even on a machine that
     others use too, so it is worth a look at the other benchmarks. Wall times only inform. It never fails a test run.`,
  ],
  ways: {
    reference: '128 MiB, with servers as in `first`, by `curl -o` and `openssl dgst -sha256`',
    cold: 'the same by `dfget` through a daemon, of a file that nobody has',
    warm: 'the same by `dfget` through a second daemon, from the first',
    'bare Node.js': '`node -e 0`, five times',
    version: '`dfget --version`, five times',
    small: '`dfget` of one KiB that the daemon holds, five times',
  },
  limits: ['Anything exactly: the file is small, so starting counts for more than in `first`.'],
  plot: [
    {
      title: 'Wall time in relation to curl + openssl dgst',
      bars: [
        { label: 'cold', figure: 'cold / reference' },
        { label: 'warm', figure: 'warm / reference' },
      ],
      line: { value: 1, label: 'curl + openssl dgst' },
    },
    {
      title: 'CPU-seconds in relation to curl + openssl dgst',
      bars: [
        { label: 'cold', figure: 'cold CPU / reference' },
        { label: 'warm', figure: 'warm CPU / reference' },
      ],
      line: { value: 1, label: 'curl + openssl dgst' },
    },
    {
      title: 'Whole processes, wall time in relation to a Node.js that does nothing',
      bars: [
        { label: 'dfget --version', figure: 'version / bare Node.js' },
        { label: 'dfget of 1 KiB', figure: 'small / bare Node.js' },
      ],
      line: { value: 1, label: 'node -e 0' },
    },
  ],
}

import { basename, dirname } from 'node:path'
import { succeed, type References } from './succeed.ts'

/** What a person does without us: `curl`, then `openssl dgst -sha256` of what it wrote. */
export async function curlAndDigest(references: References, url: string, output: string): Promise<void> {
  await succeed(references, 'curl', ['-sS', '-f', '-o', output, url])
  await digest(references, output)
}

/** A downloader with four connections. Its own check of a digest takes several times as long as that of openssl. */
export async function ariaAndDigest(references: References, url: string, output: string): Promise<void> {
  await succeed(references, 'aria2c', [
    '--no-conf',
    '--quiet',
    '--split=4',
    '--max-connection-per-server=4',
    '--file-allocation=none',
    `--dir=${dirname(output)}`,
    `--out=${basename(output)}`,
    url,
  ])
  await digest(references, output)
}

/** coreutils' sha256sum does not use the instructions that processors have for it. */
async function digest(references: References, path: string): Promise<void> {
  await succeed(references, 'openssl', ['dgst', '-sha256', path])
}

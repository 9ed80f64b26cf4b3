import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Lab } from './lab.ts'
import type { Exit, Program, ProgramName } from './program.ts'

/** `/etc` is a copy, and the machine's own state is out of sight. Ends with its standard output. */
const SET_UP = `
set -e
cp -a /etc/. "$1/etc"
rm -rf "$1"/etc/docker "$1"/etc/containerd "$1"/etc/containers/registries.conf.d
mkdir -p "$1"/etc/docker "$1"/etc/containerd "$1"/etc/containers/registries.conf.d
mount --bind "$1/etc" /etc
mount -t tmpfs -o mode=0755 damselfly-lab /var/lib
echo ready
exec tail -f /dev/null
`

/** Keeps what it was told, one line each time; a reload it carries out. */
const SYSTEMCTL = `#!/bin/sh
here=$(dirname "$0")
echo "$@" >> "$here/systemctl.log"
[ "$1" != reload ] || kill -HUP "$(cat "$here/$2.pid")"
`

/** What programs see as this machine, with an `/etc` of its own that can be changed at will; for root only. */
export class PrivateRoot {
  readonly #lab: Lab
  readonly #keeper: Program

  private constructor(lab: Lab, keeper: Program) {
    this.#lab = lab
    this.#keeper = keeper
  }

  /** One for each lab. */
  static async create(lab: Lab): Promise<PrivateRoot> {
    const folder = lab.path('root')
    await mkdir(join(folder, 'etc'), { recursive: true })
    await mkdir(join(folder, 'bin'))
    await writeFile(join(folder, 'bin/systemctl'), SYSTEMCTL)
    await chmod(join(folder, 'bin/systemctl'), 0o755)
    const keeper = lab.program('private root', 'unshare', ['--mount', '--propagation', 'private', 'sh', '-c', SET_UP, 'sh', folder])
    await keeper.line((line) => (line === 'ready' ? true : undefined))
    return new PrivateRoot(lab, keeper)
  }

  /** A program of the lab that sees this root, and finds a `systemctl` that only keeps what it is told. */
  program(name: string, command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Program {
    return this.#lab.program(name, command, args, { enter: this.#enter, env: { PATH: this.#path, ...env } })
  }

  /** One of our own programs, to its end. */
  async own(name: ProgramName, ...args: readonly string[]): Promise<Exit> {
    return await this.#lab.own(name, args, { enter: this.#enter, env: { PATH: this.#path } }).exited
  }

  async write(path: string, text: string, mode = 0o644): Promise<void> {
    await writeFile(this.#place(path), text, { mode })
  }

  /** Every file below a folder of `/etc` with its mode and text. */
  async files(folder: string): Promise<Readonly<Record<string, string>>> {
    const found = await readdir(this.#place(folder), { recursive: true, withFileTypes: true })
    const texts = found.map(async (entry): Promise<[string, string]> => {
      const place = join(entry.parentPath, entry.name)
      const { mode } = await stat(place)
      return [place.slice(this.#place('').length), `${mode.toString(8)} ${entry.isFile() ? await readFile(place, 'latin1') : ''}`]
    })
    return Object.fromEntries((await Promise.all(texts)).toSorted(([one], [other]) => (one < other ? -1 : 1)))
  }

  /** From now on `systemctl reload` reaches it under this name. */
  async isService(name: string, { pid }: Program): Promise<void> {
    await writeFile(this.#lab.path(`root/bin/${name}.pid`), String(pid))
  }

  /** What `systemctl` was told so far. */
  async restarts(): Promise<readonly string[]> {
    const log = await readFile(this.#lab.path('root/bin/systemctl.log'), 'utf8').catch(() => '')
    return log.split('\n').filter((line) => line !== '')
  }

  get #enter(): readonly string[] {
    return ['nsenter', `--mount=/proc/${this.#keeper.pid}/ns/mnt`, '--']
  }

  get #path(): string {
    return `${this.#lab.path('root/bin')}:${process.env['PATH']}`
  }

  /** Of something below `/etc`, as this process sees it. */
  #place(path: string): string {
    return join(this.#lab.path('root'), path)
  }
}

import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Both of 198.18.0.0/15, which is set aside for benchmarks and routed nowhere. */
const INSIDE = '198.18.0'
const OUTSIDE = '198.19'

/** What the ends of a line hold back before they drop: enough for one window of TCP. The burst takes in the kernel's largest packets, which it would cut up else, at a cost of processors that no line has. */
const TBF = ['burst', '128kb', 'latency', '50ms']

/** Where containers run on this machine each packet that a switch passes would go through the filters too; the shell's network is the switch's. */
const PASS_UNFILTERED = 'for filter in /proc/sys/net/bridge/bridge-nf-call-*; do [ ! -e "$filter" ] || echo 0 > "$filter"; done'

/** How many networks there can be at once on one machine: one for each outside line. */
const NUMBERS = 256

/** A host of a lab's network. */
export interface LabHost {
  /** Under which the other hosts reach it. */
  readonly address: string
  /** What comes before a command, so that it runs there. */
  readonly enter: readonly string[]
}

export interface LabNetworkInit {
  readonly hosts: number
  /** Of each host's line, each way; bits per second. */
  readonly rate: number
}

/** Hosts on one switch, each with a line of its own and a network namespace of its own; for root only. */
export class LabNetwork {
  readonly hosts: readonly LabHost[]
  /** Under which this process, and nobody else, reaches the first host, as fast as the machine can. */
  readonly firstFromHere: string
  readonly #names: readonly string[]
  #isThere = true

  private constructor(names: readonly string[], hosts: readonly LabHost[], firstFromHere: string) {
    this.#names = names
    this.hosts = hosts
    this.firstFromHere = firstFromHere
  }

  static async create({ hosts: count, rate }: LabNetworkInit): Promise<LabNetwork> {
    const number = await takeNumber()
    const name = nameOf(number)
    const outside = `${OUTSIDE}.${number}`
    const names = Array.from({ length: count }, (_, i) => `${name}-${i}`)
    const hosts = names.map((one, i) => ({ address: `${INSIDE}.${i + 1}`, enter: ['nsenter', `--net=/run/netns/${one}`] }))
    const network = new LabNetwork([switchOf(name), ...names], hosts, `${outside}.2`)
    try {
      await network.#build(name, outside, rate)
    } catch (error) {
      await network.remove()
      throw error
    }
    return network
  }

  /** Nothing comes from or to the host any more, and nobody is told. */
  async cutOff(host: LabHost): Promise<void> {
    await ip('-n', this.#switch, 'link', 'set', this.#portOf(host), 'down')
  }

  async join(host: LabHost): Promise<void> {
    await ip('-n', this.#switch, 'link', 'set', this.#portOf(host), 'up')
  }

  /** @param rate of the host's line, each way; bits per second */
  async setRate(host: LabHost, rate: number): Promise<void> {
    for (const [namespace, device] of [[this.#switch, this.#portOf(host)], [this.#nameOf(host), 'line']] as const) {
      await run('tc', ['-n', namespace, 'qdisc', 'change', 'dev', device, 'root', 'tbf', 'rate', `${rate}bit`, ...TBF])
    }
  }

  /** Large packets of the host get lost, but for those to one other. @param bytes of the largest that passes; undefined: all do */
  async holdBack(host: LabHost, bytes: number | undefined, except: LabHost): Promise<void> {
    const [command = '', ...inside] = host.enter
    const args = [...inside, 'iptables']
    await run(command, [...args, '-F', 'OUTPUT'])
    const rule = ['-A', 'OUTPUT', '-o', 'line', '!', '-d', except.address, '-m', 'length', '--length', `${(bytes ?? 0) + 1}:65535`, '-j', 'DROP']
    if (bytes !== undefined) await run(command, [...args, ...rule])
  }

  /** @param share of the packets that get lost on the way in, and again on the way out; 0: none */
  async setLoss(host: LabHost, share: number): Promise<void> {
    const [command = '', ...inside] = host.enter
    const args = [...inside, 'iptables']
    for (const [chain, direction] of [['INPUT', '-i'], ['OUTPUT', '-o']] as const) {
      await run(command, [...args, '-F', chain])
      const rule = ['-A', chain, direction, 'line', '-m', 'statistic', '--mode', 'random', '--probability', share.toFixed(4), '-j', 'DROP']
      if (share > 0) await run(command, [...args, ...rule])
    }
  }

  /** Ends with everything that runs on its hosts. Idempotent. */
  async remove(): Promise<void> {
    if (!this.#isThere) return
    this.#isThere = false
    // Lines end with the namespaces that they lead to. Where building failed some are not there.
    for (const name of this.#names) await run('ip', ['netns', 'del', name]).catch(() => undefined)
  }

  get #switch(): string {
    return this.#names[0] ?? ''
  }

  #portOf(host: LabHost): string {
    return `port${this.hosts.indexOf(host)}`
  }

  #nameOf(host: LabHost): string {
    return this.#names[this.hosts.indexOf(host) + 1] ?? ''
  }

  async #build(name: string, outside: string, rate: number): Promise<void> {
    const [switchName, first, ...others] = this.#names as [string, string, ...string[]]
    await ip('-n', switchName, 'link', 'add', 'switch', 'type', 'bridge')
    await ip('-n', switchName, 'link', 'set', 'switch', 'up')
    await run('nsenter', [`--net=/run/netns/${switchName}`, 'sh', '-c', PASS_UNFILTERED])
    for (const [i, host] of [first, ...others].entries()) await this.#addHost(host, i, switchName, rate)
    await ip('link', 'add', `${name}o`, 'type', 'veth', 'peer', 'name', 'outside', 'netns', first)
    await ip('addr', 'add', `${outside}.1/30`, 'dev', `${name}o`)
    await ip('link', 'set', `${name}o`, 'up')
    await ip('-n', first, 'addr', 'add', `${outside}.2/30`, 'dev', 'outside')
    await ip('-n', first, 'link', 'set', 'outside', 'up')
  }

  async #addHost(host: string, index: number, switchName: string, rate: number): Promise<void> {
    const port = `port${index}`
    await ip('netns', 'add', host)
    await ip('-n', switchName, 'link', 'add', port, 'type', 'veth', 'peer', 'name', 'line', 'netns', host)
    await ip('-n', switchName, 'link', 'set', port, 'master', 'switch', 'up')
    await ip('-n', host, 'addr', 'add', `${INSIDE}.${index + 1}/24`, 'dev', 'line')
    await ip('-n', host, 'link', 'set', 'lo', 'up')
    await ip('-n', host, 'link', 'set', 'line', 'up')
    for (const [namespace, device] of [[switchName, port], [host, 'line']] as const) {
      await run('tc', ['-n', namespace, 'qdisc', 'add', 'dev', device, 'root', 'tbf', 'rate', `${rate}bit`, ...TBF])
    }
  }
}

/**
 * Takes a number that no other process has, by making the switch's namespace under its name.
 *
 * @throws when every number is taken, and when no namespace can be made
 */
async function takeNumber(): Promise<number> {
  const first = process.pid % NUMBERS
  for (let i = 0; ; i++) {
    const number = (first + i) % NUMBERS
    try {
      await ip('netns', 'add', switchOf(nameOf(number)))
      return number
    } catch (error) {
      if (i === NUMBERS - 1 || !String(error).includes('File exists')) throw error
    }
  }
}

function nameOf(number: number): string {
  return `dfl${number}`
}

function switchOf(network: string): string {
  return `${network}-switch`
}

async function ip(...args: readonly string[]): Promise<void> {
  await run('ip', args)
}

/** Why a network cannot be made here; undefined where it can. */
export async function whyNoNetwork(): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return 'only root can make network namespaces'
  for (const [program, option] of [['ip', '-V'], ['tc', '-V'], ['nsenter', '--version']] as const) {
    const isThere = await run(program, [option]).then(() => true, () => false)
    if (!isThere) return `${program} is not installed (apt-get install iproute2 util-linux)`
  }
  return run('unshare', ['--net', 'true']).then(
    () => undefined,
    () => 'this root may not make network namespaces',
  )
}

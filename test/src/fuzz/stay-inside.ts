import dns from 'node:dns'
import { syncBuiltinESMExports } from 'node:module'
import { isIP, Socket } from 'node:net'

/** Whatever hosts an input names, nobody but this machine is asked, for a name neither. Lasts for the process. */
export function stayInside(): void {
  // oxlint-disable-next-line typescript/unbound-method -- it is applied to sockets below
  const connect = Socket.prototype.connect
  const guarded = function (this: Socket, ...args: readonly unknown[]): Socket {
    const { host = 'localhost', path } = optionsOf(args)
    if (path !== undefined || isHere(host)) return Reflect.apply(connect, this, args) as Socket
    process.nextTick(() => this.destroy(Object.assign(new Error(`connect ECONNREFUSED ${host}`), { code: 'ECONNREFUSED' })))
    return this
  }
  Socket.prototype.connect = guarded
  const refuse = (...args: readonly unknown[]): void => {
    const done = args.at(-1) as (error: Error) => void
    process.nextTick(() => done(Object.assign(new Error('queryA ENOTFOUND'), { code: 'ENOTFOUND' })))
  }
  const lookup = dns.lookup
  Object.assign(dns, { lookup: Object.assign((name: string, ...rest: readonly unknown[]) => (isHere(name) ? Reflect.apply(lookup, dns, [name, ...rest]) : refuse(...rest))) })
  const promised = dns.promises.lookup
  const lookupPromised = async (name: string, ...rest: readonly unknown[]): Promise<unknown> => {
    if (isHere(name)) return Reflect.apply(promised, dns.promises, [name, ...rest]) as Promise<unknown>
    throw Object.assign(new Error('queryA ENOTFOUND'), { code: 'ENOTFOUND' })
  }
  Object.assign(dns.promises, { lookup: lookupPromised })
  syncBuiltinESMExports()
}

interface ConnectOptions {
  readonly host?: string
  readonly path?: string
}

/** `connect` takes options, a path, or a port and a host; within Node.js also a list of these. */
function optionsOf([first, second]: readonly unknown[]): ConnectOptions {
  if (Array.isArray(first)) return optionsOf(first)
  if (typeof first === 'object' && first !== null) return first
  if (typeof first === 'string' && Number.isNaN(Number(first))) return { path: first }
  return typeof second === 'string' ? { host: second } : {}
}

function isHere(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))
}

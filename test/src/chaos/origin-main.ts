import { createServer } from 'node:http'
import { json } from 'node:stream/consumers'
import { createFaultOrigin, type OriginContent } from '@damselfly/cdn/testing'
import { isOriginMood, ORIGIN_MOODS } from './origin-moods.ts'

/** An origin in a process of its own, on the host that it is started on, and told what to do through a unix socket. */
const [host, socketPath] = process.argv.slice(2) as [string, string]
const origin = await createFaultOrigin({ host })
const contents = new Map<string, { readonly size: number; readonly seed: number }>()
let mood = ORIGIN_MOODS.well

/** What it sends slowly it sends as fast as ever when it is well again. */
function inMood(content: OriginContent): OriginContent {
  return {
    ...content,
    ...mood,
    get trickle() {
      return mood.trickle
    },
  }
}

const orders: Readonly<Record<string, (body: Readonly<Record<string, unknown>>) => unknown>> = {
  '/contents': ({ path, size, seed }) => {
    const content = { size: Number(size), seed: Number(seed) }
    contents.set(String(path), content)
    return { url: origin.add(String(path), inMood(content)) }
  },
  '/mood': ({ name }) => {
    if (typeof name !== 'string' || !isOriginMood(name)) throw new Error(`there is no mood ${String(name)}`)
    mood = ORIGIN_MOODS[name]
    for (const [path, content] of contents) origin.add(path, inMood(content))
    return {}
  },
  '/sent': () => ({ bodyBytes: Array.from(contents.keys()).reduce((sum, path) => sum + origin.stats(path).bodyBytes, 0) }),
}

const control = createServer((request, response) => {
  void (async () => {
    const order = orders[request.url ?? '']
    if (order === undefined) throw new Error('there is no such order')
    response.end(JSON.stringify(order((await json(request)) as Record<string, unknown>)))
  })().catch((error: unknown) => response.writeHead(500).end(String(error)))
})
control.listen(socketPath, () => process.stdout.write(`${JSON.stringify({ ready: { authority: origin.authority } })}\n`))

process.once('SIGTERM', () => {
  control.close()
  control.closeAllConnections()
  void origin.close()
})

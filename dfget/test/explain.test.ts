import assert from 'node:assert/strict'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { isDamselflyError } from '@damselfly/shared'
import { readExplainCommand, type ExplainJob } from '../src/explain/command.ts'
import { runExplain } from '../src/explain/run-explain.ts'
import { parseArguments } from '../src/options.ts'
import { useTempDir } from './temp-dir.ts'

const TASK = 'a'.repeat(64)

function jobOf(...args: readonly string[]): ExplainJob {
  const given = readExplainCommand(args)
  return 'printed' in given ? assert.fail(given.printed) : given
}

describe('the command line of dfget explain', () => {
  it('tells what is to be explained', () => {
    const args = [TASK, '--piece', '17', '--peer', 'gRgF', '--management', 'http://node:1', '--token-file', 't', '--ca-file', 'ca', '--json']
    assert.deepEqual(jobOf(...args), {
      task: TASK,
      piece: 17,
      peer: 'gRgF',
      json: true,
      configFile: undefined,
      flags: { url: 'http://node:1', tokenFile: 't', token: undefined, caFile: 'ca', fingerprint: undefined, clientCertificate: undefined, clientKey: undefined },
    })
  })

  it('shows help, and is refused with USAGE when it makes no sense', async () => {
    const help = await parseArguments(['explain', '--help'], '1')
    assert.ok(help.type === 'print' && help.text.includes('token of a viewer'))
    for (const args of [[], [TASK, 'more'], [TASK, '--piece', '-1'], [TASK, '--piece', 'x'], [TASK, '--nonsense']]) {
      await assert.rejects(parseArguments(['explain', ...args], '1'), (error) => isDamselflyError(error, 'USAGE'), args.join(' '))
    }
  })
})

describe('dfget explain', () => {
  const directory = useTempDir()
  let server: Server
  let asked: { readonly url: string; readonly authorization: string | undefined }[]
  let answers: Record<string, { readonly status?: number; readonly body: unknown }>

  beforeEach(async () => {
    asked = []
    answers = {}
    server = createServer(({ url = '', headers }, response) => {
      asked.push({ url, authorization: headers.authorization })
      const { status = 200, body } = answers[url] ?? { status: 404, body: { code: 'TASK_NOT_FOUND', message: 'there is no such task', advice: '' } }
      response.writeHead(status, { 'content-type': 'application/json' }).end(typeof body === 'string' ? body : JSON.stringify(body))
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    await writeFile(join(directory.path, 'token'), 'secret\n')
  })
  afterEach(() => {
    server.closeAllConnections()
    server.close()
  })

  const run = async (task: string, ...args: readonly string[]): Promise<string> => {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    let text = ''
    const job = jobOf(task, '--management', url, '--token-file', join(directory.path, 'token'), ...args)
    await runExplain(job, { XDG_CONFIG_HOME: directory.path }, (line) => (text += `${line}\n`))
    return text
  }

  const page = (more: object): { body: object } => ({
    body: { taskId: TASK, answer: null, waiting: null, decisions: [], next: null, oldest: 1, isCut: false, ...more },
  })
  const decision = (number: number): object => ({ number, at: '2026-01-01T00:00:00.000Z', words: `The ${number}th.`, type: 'assigned' })
  const path = `/api/v1/tasks/${TASK}/decisions`

  it('shows the answer and all pages of decisions in words', async () => {
    answers[`${path}?peer=gRgF&piece=1&limit=1000`] = page({ answer: 'So it was.', waiting: 'It waits.', decisions: [decision(7)], next: 7, isCut: true })
    answers[`${path}?peer=gRgF&piece=1&limit=1000&after=7`] = page({ decisions: [decision(8)], isCut: true })
    assert.equal(
      await run(TASK, '--piece', '1', '--peer', 'gRgF'),
      'So it was.\n\nNow: It waits.\n\nWhat was decided before #1 is forgotten.\n' +
        '2026-01-01T00:00:00.000Z  #7  The 7th.\n2026-01-01T00:00:00.000Z  #8  The 8th.\n',
    )
    assert.ok(asked.every(({ authorization }) => authorization === 'Bearer secret'))
  })

  it('gives everything to programs', async () => {
    answers[`${path}?limit=1000`] = page({ decisions: [decision(7)] })
    const lines = (await run(TASK, '--json')).trimEnd().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>)
    assert.deepEqual(lines, [{ type: 'task', taskId: TASK, answer: null, waiting: null, oldest: 1, isCut: false }, decision(7)])
  })

  it('finds the task of a URL, unless there are several', async () => {
    const url = 'https://files.example/big.iso'
    answers['/api/v1/tasks?limit=1000'] = { body: { tasks: [{ taskId: 'b', url: 'https://other/' }], next: 'b' } }
    answers['/api/v1/tasks?limit=1000&after=b'] = { body: { tasks: [{ taskId: TASK, url }], next: null } }
    answers[`${path}?limit=1000`] = page({})
    assert.equal(await run(url), 'Nothing that was decided about that is known.\n')
    await assert.rejects(run('https://none.example/'), { code: 'TASK_NOT_FOUND' })
    answers['/api/v1/tasks?limit=1000'] = { body: { tasks: [{ taskId: 'b', url }], next: 'b' } }
    await assert.rejects(run(url), { code: 'USAGE', message: new RegExp(`several tasks.*: b, ${TASK}`) })
  })

  it('fails with the code of what is wrong', async () => {
    await assert.rejects(run(TASK), { code: 'TASK_NOT_FOUND', message: 'there is no such task' })
    answers[`${path}?limit=1000`] = { status: 401, body: { code: 'UNAUTHORIZED', message: 'no', advice: '' } }
    await assert.rejects(run(TASK), { code: 'UNAUTHORIZED' })
    for (const body of ['hello', { decisions: 5 }]) {
      answers[`${path}?limit=1000`] = { body }
      await assert.rejects(run(TASK), { code: 'PROTOCOL' })
    }
    await assert.rejects(run(TASK, '--token-file', join(directory.path, 'none')), { code: 'CONFIG_INVALID', message: /no token in .*none/ })
    await assert.rejects(run(TASK, '--management', 'ftp://x'), { code: 'CONFIG_INVALID', message: /management\.url.*--management/ })
    await assert.rejects(run(TASK, '--management', 'http://127.0.0.1:1'), { code: 'SUPERNODE_UNREACHABLE' })
  })
})

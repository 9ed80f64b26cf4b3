import assert from 'node:assert/strict'
import { createLogger, silentLogger } from '@damselfly/shared/logging'
import { DamselflyError } from '@damselfly/shared'
import fc from 'fast-check'

const SECRET = 'hush-c4f1'

function logged(write: (logger: ReturnType<typeof createLogger>) => void): string {
  let text = ''
  write(createLogger('test', 'trace', { write: (line) => void (text += line) }))
  return text
}

const secretKey = fc.constantFrom(
  'token',
  'adminToken',
  'authorization',
  'Authorization',
  'cookie',
  'credentials',
  'headers',
  'password',
  'x-api-key',
  'apiKey',
  'proxy-authorization',
  'clientSecret',
)
const wrapper = fc.constantFrom(
  (value: unknown): unknown => [value],
  (value: unknown): unknown => ({ request: value }),
  (value: unknown): unknown => ({ list: [1, value], other: 'x' }),
)

describe('a logger', () => {
  it('never writes what stands under a secret name, at any depth and in bindings too', () => {
    fc.assert(
      fc.property(secretKey, fc.array(wrapper, { maxLength: 12 }), (key, wrappers) => {
        const object = { entry: wrappers.reduce((value, wrap) => wrap(value), { [key]: SECRET } as unknown) }
        const text = logged((logger) => {
          logger.info(object, 'hello')
          logger.child(object).info('hello')
          logger.info({ [key]: { nested: [SECRET] } })
        })
        assert.ok(text.includes('hello'))
        assert.ok(!text.includes(SECRET), text)
      }),
    )
  })

  it('writes URLs without user info and query values', () => {
    const url = `https://user:${SECRET}@example.org/f?sig=${SECRET}`
    const text = logged((logger) => {
      logger.info({ url, originUrl: url, task: { uri: url } })
      logger.info({ name: 'x', urls: 3 })
    })
    assert.ok(!text.includes(SECRET), text)
    assert.ok(text.includes('https://example.org/f?sig=…'))
  })

  it('writes one JSON object per line with level, name, time and message', () => {
    const text = logged((logger) => logger.warn({ taskId: 'a\nb' }, 'line\nbreak'))
    assert.equal(text.split('\n').length, 2)
    const { level, name, msg, taskId, time } = JSON.parse(text) as Record<string, unknown>
    assert.deepEqual({ level, name, msg, taskId }, { level: 40, name: 'test', msg: 'line\nbreak', taskId: 'a\nb' })
    assert.match(String(time), /^\d{4}-\d\d-\d\dT/)
  })

  it('leaves errors, dates and other values as they are', () => {
    const err = new DamselflyError('TIMEOUT', 'late', { cause: new Error('because') })
    const text = logged((logger) => logger.error({ err, at: new Date(0), count: 3, tokens: 5, none: null }, 'failed'))
    const line = JSON.parse(text) as { err: { code: string; message: string }; at: string; count: number; tokens: number; none: null }
    assert.equal(line.err.code, 'TIMEOUT')
    assert.match(line.err.message, /late/)
    assert.deepEqual([line.at, line.count, line.tokens, line.none], ['1970-01-01T00:00:00.000Z', 3, 5, null])
  })

  it('survives an object that contains itself', () => {
    const circle: Record<string, unknown> = { a: 1 }
    circle['self'] = circle
    assert.ok(logged((logger) => logger.info(circle, 'round')).includes('round'))
  })

  it('writes nothing below its level, and the silent one nothing at all', () => {
    let text = ''
    const logger = createLogger('test', 'warn', { write: (line) => void (text += line) })
    logger.info('hello')
    assert.equal(text, '')
    assert.equal(silentLogger().isLevelEnabled('fatal'), false)
  })
})

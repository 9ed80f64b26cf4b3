import assert from 'node:assert/strict'
import {
  DamselflyError,
  diskError,
  ERROR_CODES,
  errorFromWire,
  EXIT,
  isDamselflyError,
  isErrorCode,
  messageOf,
  systemCode,
  toDamselflyError,
  type ErrorCode,
} from '@damselfly/shared'
import fc from 'fast-check'

const codes = Object.keys(ERROR_CODES) as ErrorCode[]

describe('error codes', () => {
  for (const code of codes) {
    const { exit, http, meaning, advice } = ERROR_CODES[code]
    it(`${code} has an exit code of the list, an error status, a meaning and an advice on one line each`, () => {
      const failures: number[] = Object.values(EXIT).filter((value) => value !== EXIT.ok)
      assert.ok(failures.includes(exit))
      assert.ok(http >= 400 && http < 600)
      for (const text of [meaning, advice]) assert.match(text, /^[^\n]{5,120}[^.\n]$/)
    })
  }

  it('are not taken from the prototype', () => {
    assert.ok(!isErrorCode('toString') && !isErrorCode('__proto__') && isErrorCode('TIMEOUT'))
  })
})

describe('DamselflyError', () => {
  const error = new DamselflyError('DISK_FULL', 'cannot write /data/x', { cause: new Error('ENOSPC') })

  it('says on one line what happened, its code and what to do', () => {
    assert.equal(error.toLine(), `cannot write /data/x [DISK_FULL]: ${ERROR_CODES.DISK_FULL.advice}`)
  })

  it('is recognized by its code, and keeps its cause', () => {
    assert.deepEqual([isDamselflyError(error), isDamselflyError(error, 'DISK_FULL')], [true, true])
    assert.equal(isDamselflyError(error as Error, 'TIMEOUT'), false)
    assert.ok(!isDamselflyError(new Error('x')) && !isDamselflyError(undefined))
    assert.equal(messageOf(error.cause), 'ENOSPC')
    assert.equal(error.kind, ERROR_CODES.DISK_FULL)
  })
})

describe('toDamselflyError', () => {
  it('makes one of anything that can be thrown, and leaves ours alone', () => {
    fc.assert(
      fc.property(fc.anything({ withNullPrototype: true }), (thrown) => {
        const error = toDamselflyError(thrown)
        assert.equal(error.code, 'INTERNAL')
        assert.equal(error.cause, thrown)
      }),
    )
    const ours = new DamselflyError('TIMEOUT', 'late')
    assert.equal(toDamselflyError(ours, 'USAGE'), ours)
    assert.equal(toDamselflyError('x', 'USAGE').code, 'USAGE')
  })
})

describe('errorFromWire', () => {
  it('keeps a code that is known and takes any other for INTERNAL', () => {
    for (const code of codes) assert.equal(errorFromWire(code, 'm').code, code)
    fc.assert(
      fc.property(fc.string(), (code) => {
        assert.equal(errorFromWire(code, 'm').code, isErrorCode(code) ? code : 'INTERNAL')
      }),
    )
  })
})

describe('messageOf', () => {
  it('says what each part of a failed dual-stack connect says', () => {
    const error = new AggregateError([new Error('refused ::1'), new Error('refused 127.0.0.1')])
    assert.equal(messageOf(error), 'refused ::1; refused 127.0.0.1')
  })

  it('falls back to the name of an error without message, and never fails', () => {
    assert.equal(messageOf(new TypeError('')), 'TypeError')
    assert.equal(messageOf('text'), 'text')
    fc.assert(
      fc.property(fc.anything({ withNullPrototype: true }), (thrown) => assert.notEqual(messageOf(thrown), undefined)),
    )
  })
})

describe('diskError', () => {
  for (const [system, code] of [
    ['ENOSPC', 'DISK_FULL'],
    ['EDQUOT', 'DISK_FULL'],
    ['EACCES', 'DISK_DENIED'],
    ['EROFS', 'DISK_DENIED'],
    ['EIO', 'DISK_FAILED'],
  ] as const) {
    it(`takes ${system} for ${code}`, () => {
      const cause = Object.assign(new Error(`${system}: x`), { code: system })
      assert.equal(systemCode(cause), system)
      const error = diskError(cause, 'write /data/x')
      assert.equal(error.code, code)
      assert.match(error.message, /^cannot write \/data\/x: /)
    })
  }

  it('leaves ours alone, and takes what has no system code for DISK_FAILED', () => {
    const ours = new DamselflyError('STORE_LOCKED', 'locked')
    assert.equal(diskError(ours, 'open x'), ours)
    assert.equal(diskError('odd', 'open x').code, 'DISK_FAILED')
    assert.equal(systemCode(Object.assign(new Error('x'), { code: 5 })), undefined)
  })
})

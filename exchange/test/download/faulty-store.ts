import { DamselflyError } from '@damselfly/shared'
import type { PieceStore, PieceWriter, StoredTask } from '../../src/store/piece-store.ts'

/** A store whose disk is full after so many more bytes. */
export function fullAfter(store: PieceStore, bytes: number): PieceStore {
  let left = bytes
  const full = (): DamselflyError => new DamselflyError('DISK_FULL', 'no space left')
  const limited = (writer: PieceWriter): PieceWriter =>
    replacing(writer, {
      write: async (part) => {
        left -= part.length
        await writer.write(part)
        if (left < 0) throw full()
      },
      commit: async (expected) => {
        if (left >= 0) return writer.commit(expected)
        await writer.abort()
        throw full()
      },
    })
  const task = (stored: StoredTask): StoredTask =>
    replacing(stored, {
      claim: (index, length) => {
        const writer = stored.claim(index, length)
        return writer === undefined ? undefined : limited(writer)
      },
    })
  return replacing(store, {
    create: async (record) => task(await store.create(record)),
    open: async (taskId) => {
      const stored = await store.open(taskId)
      return stored === undefined ? undefined : task(stored)
    },
  })
}

/** The same object, except for some of its methods. */
function replacing<T extends object>(original: T, methods: Partial<T>): T {
  return new Proxy(original, {
    get: (target, name) => {
      const value: unknown = Reflect.get(methods, name) ?? Reflect.get(target, name, target)
      return typeof value === 'function' && !Object.hasOwn(methods, name) ? value.bind(target) : value
    },
  })
}

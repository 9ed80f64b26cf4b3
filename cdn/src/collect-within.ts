import { collect, DamselflyError, type ByteFlow } from '@damselfly/shared'

/** All bytes of what has to be short. @param limit bytes @throws DamselflyError ORIGIN_STATUS for more; what ends the flow */
export async function collectWithin(body: ByteFlow, limit: number, shown: string): Promise<Buffer> {
  let length = 0
  const bounded: ByteFlow = {
    pipe: (sink) =>
      body.pipe((bytes) => {
        length += bytes.length
        if (length > limit) throw new DamselflyError('ORIGIN_STATUS', `${shown} sent more than ${limit} bytes`)
        return sink(bytes)
      }),
    cancel: () => body.cancel(),
  }
  return await collect(bounded)
}

import { describePieceStore } from '@damselfly/exchange/testing/piece-store'
import { StoreDirectory } from './store-directory.ts'

describePieceStore('the local store', async () => {
  const directory = await StoreDirectory.create()
  return { start: () => directory.start(), dispose: () => directory.dispose() }
})

import { describePieceStore } from '@damselfly/exchange/testing/piece-store'
import { systemClock } from '@damselfly/shared'
import { silentLogger } from '@damselfly/shared/logging'
import { StoreDirectory } from './store-directory.ts'

describePieceStore('the local store', async () => {
  const directory = await StoreDirectory.create()
  return { start: () => directory.start(), dispose: () => directory.dispose() }
})

describePieceStore('the local store that writes in a thread', async () => {
  const directory = await StoreDirectory.create()
  return { start: () => directory.start(systemClock, silentLogger(), true), dispose: () => directory.dispose() }
})

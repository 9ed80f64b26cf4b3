/// <reference types="mocha" />
import { describeClaims } from './claim-behaviour.ts'
import { describeLayout } from './layout-behaviour.ts'
import { describeNews } from './news-behaviour.ts'
import { describeReading } from './reading-behaviour.ts'
import { StoreUnderTest, type PieceStoreHarness } from './store-under-test.ts'
import { describeTasks } from './task-behaviour.ts'

export * from './large-store.ts'
export * from './roomy-collector.ts'
export * from './task-fixtures.ts'
export type { PieceStoreHarness }

/** Declares, with mocha, what every piece store has to do. */
export function describePieceStore(name: string, createHarness: () => Promise<PieceStoreHarness>): void {
  describe(`${name} as a piece store`, () => {
    const tested = new StoreUnderTest(createHarness)
    beforeEach(() => tested.begin())
    afterEach(() => tested.end())
    describeTasks(tested)
    describeClaims(tested)
    describeReading(tested)
    describeLayout(tested)
    describeNews(tested)
  })
}

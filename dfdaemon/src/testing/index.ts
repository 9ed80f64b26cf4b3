export * from './fake-download.ts'
export * from './fake-peer.ts'

export * from './download-request.ts'
export * from './fake-download.ts'
export * from './fake-peer.ts'

export * from './peer/peer.ts'

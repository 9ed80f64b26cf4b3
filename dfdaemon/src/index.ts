export * from './peer/peer.ts'
export { createPeer, type PeerOptions } from './peer/local-peer.ts'
export type { PeerListen } from './peer/peer-network.ts'
export { daemonConfigSchema, type DaemonConfig } from './config/config.ts'

export * from './channel/channel.ts'
export * from './channel/transport.ts'
export * from './lane/lane.ts'
export * from './store/piece-store.ts'

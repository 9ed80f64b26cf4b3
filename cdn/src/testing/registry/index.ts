export type { RegistryAnswer } from './access-log.ts'
export * from './layered-image.ts'
export { RegistryPush, type PushedBlob, type PushedImage } from './push.ts'
export { REGISTRY_USER, RegistryServer, whyNoRegistryServer, type RegistryServerInit } from './registry-server.ts'

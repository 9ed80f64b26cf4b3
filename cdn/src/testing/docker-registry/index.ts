export * from './docker-registry.ts'
export * from './image.ts'

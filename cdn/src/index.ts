export * from './source-client.ts'
export * from './cdn.ts'

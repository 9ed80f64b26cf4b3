export * from './source-client.ts'

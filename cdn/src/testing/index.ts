export * from './fault-origin.ts'
export { generatedContent, type OriginContent } from './origin-content.ts'
export type { OriginStats } from './origin-record.ts'
export * from './self-signed.ts'

export type { CertifiedServer, NameConstraints } from './certificates.ts'
export * from './kept-authority.ts'

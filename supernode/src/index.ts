export { createSupernode, type Supernode, type SupernodeAddresses, type SupernodeDeps } from './supernode.ts'
export { completeConfig, supernodeConfigSchema, type SupernodeConfig } from './config/config.ts'

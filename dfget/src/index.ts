export { dfgetConfigSchema } from './config.ts'
export { exitCodesHelp } from './exit-codes.ts'

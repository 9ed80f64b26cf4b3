export { type OnPolicyFault, type PolicyFault } from './guard.ts'
export { guardPolicies } from './guard-policies.ts'
export { loadPolicies } from './load-policies.ts'

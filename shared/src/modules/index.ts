export { exportedFunction, isInstead, isObject, problemsOfMembers, type MemberKind, type Unchecked } from './check-shape.ts'
export { loadModule, type Exported } from './import-module.ts'

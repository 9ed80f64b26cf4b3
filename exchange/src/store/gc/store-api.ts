export { addCollectorRoutes } from './collector-routes.ts'
export { addKeepingRoutes, type TaskKeeping } from './keeping-routes.ts'

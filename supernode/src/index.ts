export { ControlPlane } from './control/control-plane.ts'
export { CommandDelivery } from './scheduling/command-delivery.ts'

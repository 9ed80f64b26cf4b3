export * from './codec.ts'
export * from './gen/damselfly/control_pb.ts'
export * from './gen/damselfly/manifest_pb.ts'
export * from './gen/damselfly/piece_pb.ts'

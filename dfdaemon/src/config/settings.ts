export { sourceSettings } from '@damselfly/cdn'

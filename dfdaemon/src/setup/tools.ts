import { DamselflyError } from '@damselfly/shared'
import { containerd } from './containerd.ts'
import { docker } from './docker.ts'
import { crio, podman } from './registries-conf.ts'
import type { Tool } from './tool.ts'

export const TOOLS: readonly Tool[] = [containerd, docker, podman, crio]

/** @throws DamselflyError USAGE */
export function toolNamed(name: string): Tool {
  const tool = TOOLS.find((one) => one.name === name)
  if (tool !== undefined) return tool
  throw new DamselflyError('USAGE', `there is no tool '${name}': ${TOOLS.map((one) => one.name).join(', ')}`)
}

import { join } from 'node:path'
import { messageOf } from '@damselfly/shared'
import type { SetupRecord } from './plan-setup.ts'
import { RecordFile } from './record-file.ts'
import type { RootFolder } from './root-folder.ts'
import { TOOLS } from './tools.ts'
import type { Tool } from './tool.ts'

const PROGRAM_FOLDERS = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin']

export interface InstalledTool {
  readonly tool: Tool
  /** Undefined: it was not set up, or who asks may not know. */
  readonly record: SetupRecord | undefined
}

/** Whether one of the tool's programs is there. */
export function hasProgram(root: RootFolder, tool: Tool): boolean {
  return tool.programs.some((program) => PROGRAM_FOLDERS.some((folder) => root.has(join(folder, program))))
}

/** @param onUnreadable told why a record cannot be read */
export function installedTools(root: RootFolder, onUnreadable: (tool: Tool, reason: string) => void): readonly InstalledTool[] {
  return TOOLS.filter((tool) => hasProgram(root, tool)).map((tool) => {
    try {
      return { tool, record: new RecordFile(root, tool.record).read() }
    } catch (error) {
      onUnreadable(tool, messageOf(error))
      return { tool, record: undefined }
    }
  })
}
